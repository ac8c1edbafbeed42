// What every board has alike: variables, links, and panels out of short descriptions.
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as common from '@grafana/grafana-foundation-sdk/common';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';

const SOURCE = { type: 'prometheus', uid: '${datasource}' };
const COLUMNS = 24;
const HEIGHTS = { stat: 4, timeseries: 8, table: 9 };
const KINDS = { stat: Stat, timeseries: TimeSeries, table: Table };

// Read from pgtend itself a series has no label instance: ".*" takes a missing label too.
const ALL = '.*';

function variable(name, label, metric) {
  return new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(SOURCE)
    .query({ query: `label_values(${metric}, ${name})`, refId: name })
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(ALL)
    .current({ text: 'All', value: '$__all' });
}

function target(query, kind, index) {
  const built = new DataqueryBuilder()
    .refId(String.fromCharCode(65 + index))
    .datasource(SOURCE)
    .expr(query.expr.replaceAll('@i', 'instance=~"$instance"').replaceAll('@d', 'datname=~"$datname"'))
    .legendFormat(query.legend ?? '__auto');
  if (kind === 'timeseries') return built.range();
  built.instant();
  return kind === 'table' ? built.format(PromQueryFormat.Table) : built;
}

function thresholds(steps) {
  const colors = ['green', 'orange', 'red'];
  return new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps([null, ...steps].map((value, i) => ({ value, color: colors[Math.min(i + (steps.length === 1 && i ? 1 : 0), 2)] })));
}

function panel(spec, id) {
  const kind = spec.kind ?? 'timeseries';
  const built = new KINDS[kind]()
    .id(id)
    .title(spec.title)
    .description(spec.description)
    .datasource(SOURCE)
    .unit(spec.unit)
    .noValue(spec.empty ?? 'no data')
    .height(spec.height ?? HEIGHTS[kind])
    .span(spec.span ?? (kind === 'stat' ? 4 : kind === 'table' ? COLUMNS : COLUMNS / 2));
  spec.queries.forEach((query, i) => built.withTarget(target(query, kind, i)));
  if (spec.thresholds) built.thresholds(thresholds(spec.thresholds));
  if (kind === 'timeseries') {
    built.lineWidth(1).fillOpacity(spec.stacked ? 25 : 5).showPoints(common.VisibilityMode.Never);
    if (spec.min !== undefined) built.min(spec.min);
    if (spec.stacked) built.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
  }
  if (kind === 'stat') {
    built.reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']));
    built.graphMode(common.BigValueGraphMode.Area);
  }
  return built;
}

// A board out of {uid, title, description, datname?, rows: [{title, panels}]}.
export function board(spec) {
  const built = new dashboard.DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags(['pgtend'])
    .readonly()
    .timezone('browser')
    .time({ from: 'now-3h', to: 'now' })
    .refresh('30s')
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .withVariable(new dashboard.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(variable('instance', 'Instance', spec.instances ?? 'pgtend_up'))
    .link(
      new dashboard.DashboardLinkBuilder('pgtend')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags(['pgtend'])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    );
  if (spec.datname) built.withVariable(variable('datname', 'Database', 'pgtend_database_backends'));
  let id = 0;
  for (const row of spec.rows) {
    built.withRow(new dashboard.RowBuilder(row.title).id(++id));
    for (const each of row.panels) built.withPanel(panel(each, ++id));
  }
  return built.build();
}
