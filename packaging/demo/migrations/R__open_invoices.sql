-- pgtend: role=shop_owner
CREATE OR REPLACE VIEW open_invoices AS
  SELECT due, count(*) AS invoices FROM invoices WHERE NOT is_paid GROUP BY due;
