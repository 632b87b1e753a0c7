// One version of a model: where it comes from, its evidence in words and plots, and what can be decided about it.

import { apiAddress, get, modelPath } from '../api.js';
import { airflowLink, fill, h } from '../dom.js';
import { bytes, duration, number, setting, time } from '../format.js';
import { answer, evaluate, retire, takeBack } from '../model-acts.js';
import { Evidence } from '../model-evidence.js';
import { by, verdict, whom } from '../model-words.js';
import { shortName } from '../names.js';
import { actButton, crumbs, figures, pageOf, pageOfModel } from '../parts.js';
import { plainTable } from '../run-details.js';
import { badge } from '../states.js';

const REFRESH = 5000;

/** @type {import('../main.js').Page} */
export async function show(main, [model, text]) {
  const number_ = Number(text);
  const path = `${modelPath(model)}/versions/${number_}`;
  document.title = `${model} version ${number_} · AutoML`;
  const [first, me] = await Promise.all([get(path), get('me')]);
  let now = first;
  const head = h('div', { class: 'head' });
  const facts = h('div', { class: 'cards' });
  const evidence = new Evidence(model, number_);
  const draw = () => {
    drawHead(head, model, now, me, () => evidence.digest);
    fill(facts, sourceCard(now), lifeCard(now, model, me));
    evidence.show(now);
  };
  draw();
  fill(main, head, h('div', { class: 'stack' }, evidence.element, facts));
  if (location.hash === '#cases') evidence.toCases();
  const look = async () => {
    try {
      const found = await get(path);
      const changed = JSON.stringify({ ...found, now: 0 }) !== JSON.stringify({ ...now, now: 0 });
      now = found;
      if (changed) draw();
    } catch (error) {
      console.warn(error);
    }
  };
  document.addEventListener('automl:acted', () => void look());
  setInterval(() => !document.hidden && void look(), REFRESH);
}

/** @param {HTMLElement} place @param {string} model @param {any} now @param {any} me @param {() => string} read digest of the evidence on the page */
function drawHead(place, model, now, me, read) {
  const { can, why_not: why, asked } = now;
  const focused = place.contains(document.activeElement) ? document.activeElement?.textContent : null;
  const rollout = `${model}.rollout`;
  const page = (run) => `${me.airflow}dags/${encodeURIComponent(rollout)}/runs/${encodeURIComponent(run)}`;
  fill(
    place,
    crumbs([
      ['Models', 'models'],
      [model, pageOfModel(model)],
      [`version ${now.version}`, null],
    ]),
    h(
      'div',
      { class: 'row spread' },
      h(
        'div',
        { class: 'row' },
        h('h1', {}, `${model}, version ${now.version}`),
        h('span', { role: 'status' }, badge(now.state)),
        now.run ? airflowLink(page(now.run), 'its run in Airflow') : null,
      ),
      h(
        'div',
        { class: 'row', role: 'group', 'aria-label': 'Actions' },
        actButton('Accept …', can.accept, why.accept, () => answer(model, now, true, read), 'primary'),
        actButton('Reject …', can.reject, why.reject, () => answer(model, now, false, read), 'danger'),
        now.state === 'IN_USE' || now.state === 'ROLLING_OUT' ? actButton('Take back …', can.take_back, why.take_back, () => takeBack(model, now.version, now.state === 'ROLLING_OUT' ? now.champion : undefined), 'danger') : null,
        actButton('Evaluate again …', can.evaluate, why.evaluate, () => evaluate(model, now.version)),
        actButton('Retire …', can.retire, why.retire, () => retire(model, now.version)),
      ),
    ),
    now.note ? h('p', { class: 'why' }, now.note) : null,
    now.state === 'ASKED' && asked
      ? h('p', { class: 'notice', role: 'status' }, `Waits for an answer of ${whom(asked.whom)} until ${time(asked.until)}${asked.until < now.now ? ' (the time is over)' : ''}.`)
      : null,
    now.removed ? h('p', { class: 'notice' }, `Its files were removed (${time(now.removed)}): it can’t be used any more.`) : null,
    figures([
      ['Conditions', verdict(now.verdict), now.verdict ? time(now.verdict.time) : null],
      ['Result of', h('a', { href: pageOf(now.source.experiment, now.source.run) }, now.source.experiment), now.source.trial === null ? null : h('a', { href: pageOf(now.source.experiment, now.source.run, now.source.trial) }, `trial ${now.source.trial}`)],
      [`${now.source.metric || 'Value'} in the search`, number(now.source.value)],
      ['In use since', time(now.in_use_since)],
      ['Scored', now.scored ? `${number(now.scored.intervals)} intervals` : '–', now.scored ? `${number(now.scored.rows)} rows` : null],
    ]),
  );
  for (const button of place.querySelectorAll('button')) if (focused && button.textContent === focused) button.focus();
}

/** @param {any} now */
function sourceCard(now) {
  const { source, copy } = now;
  const told = (text) => h('span', { class: 'mono' }, shortName(text, 60));
  const why = source.reason.text ?? Object.values(source.reason).map(setting).join('; ');
  const reasons = why ? [['trained because', why]] : [];
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, 'Where it comes from'),
    plainTable(
      ['What', 'Is'],
      [
        ['run', h('a', { href: pageOf(source.experiment, source.run) }, shortName(source.run, 60))],
        ['began', time(source.started)],
        ['published', time(source.published)],
        ...reasons,
        ...Object.entries(source.fingerprints).map(([name, value]) => [`data set ${name}`, told(setting(value?.digest ?? value))]),
        ['predicts', copy.target ? `${copy.target} (${copy.problem})` : copy.problem || 'not known: no model file of ours'],
        ['files', `${number(copy.files)}, ${bytes(copy.bytes)}`],
        ['folder', told(copy.folder)],
        ['digest', told(copy.digest)],
      ],
      'Where it comes from',
    ),
  );
}

/** @param {any} now @param {string} model @param {any} me */
function lifeCard(now, model, me) {
  const rows = now.moves.map((each, i) => [badge(each.state), time(each.time), i + 1 < now.moves.length ? duration(now.moves[i + 1].time - each.time) : 'until now']);
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, 'Its life so far'),
    plainTable(['State', 'Since', 'For'], rows, 'States of the version'),
    now.decisions.length
      ? [
          h('h3', {}, 'Answers'),
          plainTable(
            ['Answer', 'By', 'When', 'On the evidence', 'Note'],
            now.decisions.map((each) => [each.what, by(each.by), time(each.answered), h('span', { class: 'mono' }, each.evidence.slice(0, 12)), each.note]),
            'Answers',
          ),
        ]
      : null,
    h('p', {}, h('a', { href: apiAddress(`${modelPath(model)}/versions/${now.version}`) }, 'As JSON')),
  );
}

