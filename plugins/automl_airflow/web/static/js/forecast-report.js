// The model of series: forecasts against what came, how good they are, of each series, what was found, which learners were tried.

import { get } from './api.js';
import { fill, h } from './dom.js';
import { many, number } from './format.js';
import { ModelDetails } from './model-details.js';
import { decided, folded, guardrails, leaderboard, reportLink, share } from './model-parts.js';
import { shortName } from './names.js';
import { Panel } from './panel.js';
import { figures } from './parts.js';
import forecastPlot from './plots/forecast.js';
import { originPlot, stepPlot } from './plots/forecast-errors.js';
import { plainTable } from './run-details.js';

const CLEAN = 'Nothing: no gap, no time twice, no constant series, none that is short, nothing else that was looked for.';

export class ForecastReport {
  /** @param {import('./panel.js').Context} context */
  constructor(context) {
    this.context = context;
    this.place = h('div');
    this.details = new ModelDetails(`${context.path}/conclude`);
    this.element = h('div', { class: 'stack' }, this.place, this.details.element);
    this.known = '';
  }

  /** Looks for the report, and shows it where it is new. */
  async refresh() {
    const told = await get(`${this.context.path}/forecast`);
    const text = JSON.stringify(told);
    if (text === this.known) return;
    this.known = text;
    if (told.kind === null) {
      const why = told.problem ?? 'The model is made after the last trial, by conclude; what it has found will stand here.';
      fill(this.place, h('section', { class: 'card' }, h('h2', {}, 'Model'), h('p', { class: 'muted' }, why)));
      return;
    }
    const plot = forecastPlot(told);
    const picture = new Panel(plot, this.context);
    const pick = (name) => {
      plot.pick(name);
      void picture.refresh(true);
      picture.element.scrollIntoView({ block: 'nearest' });
    };
    fill(
      this.place,
      h(
        'div',
        { class: 'stack' },
        h('div', { class: 'cards' }, this.quality(told), guardrails(told, CLEAN)),
        told.plotted.length ? h('div', { class: 'panels' }, picture.element) : null,
        series(told, pick),
        h(
          'div',
          { class: 'panels' },
          [stepPlot(told), originPlot(told)].map((each) => new Panel(each, this.context).element),
        ),
        this.board(told),
      ),
    );
    await this.details.refresh();
  }

  /** @param {any} told */
  quality(told) {
    const { test, validation, coverage } = told;
    const seasons = told.seasons.filter((each) => each > 1);
    const measured = test.metrics.length
      ? plainTable(
          ['Metric', 'Value', 'Interval (95 %)'],
          test.metrics.map((each) => [
            each.name,
            number(each.value),
            each.low === null || each.high === null ? '–' : `${number(each.low)} to ${number(each.high)}`,
          ]),
          'Metrics of the model',
        )
      : null;
    const held = coverage.length
      ? plainTable(
          ['Interval', 'Held at the origins', 'Held on the last steps'],
          coverage.map((each) => [share(each.level), share(each.origins), share(each.test)]),
          'Whether intervals hold',
        )
      : null;
    const where = test.untouched
      ? `Measured once on the last ${many(told.horizon, 'step')} of ${number(test.series)} series, which took no part in the search.`
      : 'No steps were kept from the search: measured at the origins that it went by, so rather too good.';
    return h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Model'),
      figures([
        ['Forecasts', shortName(told.target, 40)],
        ['Steps ahead', number(told.horizon)],
        ['A step', told.frequency],
        ['Season', seasons.length ? seasons.map(number).join(', ') : 'none'],
        ['Series', number(told.series_in_all)],
        ['Values', number(told.values)],
      ]),
      h('p', { class: 'muted' }, where),
      measured,
      held,
      h(
        'p',
        { class: 'muted' },
        `Learners were judged from ${many(validation.origins ?? 0, 'origin')}. ${validation.why ?? ''}`,
      ),
      decided(told.notes),
      reportLink(this.context),
    );
  }

  /** @param {any} told */
  board(told) {
    const head = ['', 'Learner', told.metric, 'Time', 'In the model', 'Parameters, or how it ended'];
    const missing = told.trials - told.leaderboard.length;
    return h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Learners'),
      folded(head, leaderboard(told, this.context), 'Learners'),
      missing > 0 ? h('p', { class: 'muted' }, `${many(missing, 'further trial')} stand in report.json alone.`) : null,
    );
  }
}

/** Every series with its figures; a name that has a plot shows it. @param {any} told @param {(name: string) => void} pick */
function series(told, pick) {
  if (!told.series.length) return null;
  const plotted = new Set(told.plotted);
  const widest = told.levels.length ? `Within ${share(Math.max(...told.levels))}` : 'Within';
  const others = [
    ['mase', 'MASE'],
    ['rmsse', 'RMSSE'],
    ['smape', 'sMAPE'],
  ].filter(([name]) => name !== told.metric);
  const head = ['Series', told.metric, ...others.map(([, title]) => title), widest, 'Values', 'Missing', ''];
  const rows = told.series.map((each) => [
    plotted.has(each.series)
      ? h(
          'button',
          { type: 'button', class: 'plain link', title: `Show ${each.series}`, onclick: () => pick(each.series) },
          shortName(each.series, 40),
        )
      : shortName(each.series, 40),
    number(each.value),
    ...others.map(([name]) => number(each[name])),
    share(each.covered),
    number(each.values),
    number(each.missing),
    each.note,
  ]);
  const missing = told.told_series - told.series.length;
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, 'Series'),
    h('p', { class: 'muted' }, 'The worst first; over all moments that were forecast.'),
    folded(head, rows, 'Series'),
    missing > 0
      ? h('p', { class: 'muted' }, `${number(missing)} further series stand in series.csv beside the model.`)
      : null,
  );
}
