"""The rows of the table: what each goal is, and whether a run meets it."""


class Table:
    def __init__(self):
        self.rows = []

    def add(self, number, metric, prometheus, victoria, pgtend, goal, met, unit="", ratio=None):
        """Figures are numbers or None; `met` is None when the row could not be measured."""
        if ratio is None and prometheus and pgtend is not None:
            ratio = pgtend / prometheus
        self.rows.append({"row": number, "metric": metric, "prometheus": prometheus, "victoria_metrics": victoria,
                          "pgtend": pgtend, "ratio": ratio, "goal": goal, "unit": unit,
                          "met": None if met is None else bool(met)})

    @staticmethod
    def show(value):
        if value is None:
            return "-"
        if isinstance(value, str):
            return value
        if abs(value) >= 1e5:
            return f"{value:,.0f}"
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"

    def print(self):
        head = ["#", "metric", "unit", "Prometheus", "VictoriaMetrics", "pgtend", "to Prom.", "goal", "met"]
        lines = [head]
        for row in self.rows:
            met = {True: "yes", False: "NO", None: "not run"}[row["met"]]
            lines.append([row["row"], row["metric"], row["unit"], self.show(row["prometheus"]),
                          self.show(row["victoria_metrics"]), self.show(row["pgtend"]),
                          "-" if row["ratio"] is None else f"{row['ratio']:.2f}", row["goal"], met])
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        for i, line in enumerate(lines):
            print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")
            if i == 0:
                print("|" + "|".join("-" * (width + 2) for width in widths) + "|")

    def missed(self):
        return [row["row"] for row in self.rows if row["met"] is False]
