// Labelling, by keyboard alone: one item after the other, each answered with one key.

import { act, annotationPath, apiAddress, get } from '../api.js';
import { Answers } from '../annotate-answers.js';
import { classList } from '../annotate-classes.js';
import { Clock } from '../annotate-clock.js';
import { contentOf } from '../annotate-content.js';
import { CANNOT_TELL, keysOf, LOOK_FOR } from '../annotate-keys.js';
import { peopleCard, progressLine } from '../annotation-parts.js';
import { Tasks } from '../annotate-tasks.js';
import { explain, toast } from '../dialog.js';
import { fill, h } from '../dom.js';
import { many } from '../format.js';
import { crumbs, pageOfAnnotation } from '../parts.js';

/** Milliseconds between two looks at how the project stands. */
const REFRESH = 5000;

/** Milliseconds after which an answer of the server is not waited for any more: it is asked again. */
const PATIENCE = 30000;

/** Milliseconds for which an item that came without a key of the person can't be answered: nobody has read it yet. */
const LOOK_FIRST = 400;

/** Seconds without a sign of anybody after which tasks are not kept any longer. */
const AWAY = 300;

/** @type {import('../main.js').Page} */
export async function show(main, [name]) {
  document.title = `Label ${name} · AutoML`;
  const path = annotationPath(name);
  let project = await get(path);
  const user = project.me.name;
  const head = h('div', { class: 'head' });
  const item = h('section', { class: 'card annotate-item', tabindex: -1, 'aria-label': 'Item' });
  const choices = h('section', { class: 'card', 'aria-label': 'Labels' });
  const saved = h('p', { class: 'annotate-saved' }); // told in `spoken` where it matters: it changes with each answer
  const spoken = h('p', { class: 'visually-hidden', role: 'status' });
  const refusals = h('div', { class: 'problems', role: 'alert' });
  const people = h('div', { class: 'stack' });

  const clock = new Clock();
  const answers = new Answers({
    project: name,
    user,
    send: (given, keepalive) => send(`${path}/labels`, { as: user, labels: given.map(bodyOf) }, keepalive),
    changed: () => drawSaved(),
    refused: (refused) => refuse(refused),
    sent: () => {
      void look();
      if (!answers.adopted || answers.open) return;
      toast(`${many(answers.adopted, 'answer')} that an earlier page had kept ${answers.adopted === 1 ? 'is' : 'are'} sent.`);
      answers.adopted = 0;
    },
  });
  const tasks = new Tasks({
    claim: (many, keep) => send(`${path}/tasks`, { as: user, many, keep, resume: !answers.others }, false),
    release: (items, keepalive) => send(`${path}/release`, { as: user, items }, keepalive),
    isThere: () => clock.away < AWAY,
    areAny: () => project.for_me > 0,
    isAnswered: (item, asked) => answers.has(item, asked),
    told: (body) => {
      tasks.lease = body.lease;
      if (body.tasks.length || body.lost.length) void look();
    },
    changed: () => draw(),
  });
  const list = classList(project, (label) => give(label, false), () => item.focus());

  /** @type {import('../annotate-tasks.js').Task | undefined} what is in view */
  let shown;
  let done = 0;
  let ready = 0; // when what is in view may be answered, by `performance.now`
  let isAway = false;
  /** @type {string | undefined} the item that the person has left by themselves, by an answer or by going back */
  let chosen;

  /** Answers what is in view. @param {string} label @param {boolean} skipped */
  function give(label, skipped) {
    const task = tasks.now;
    if (!task || task !== shown) return;
    if (performance.now() < ready) return say('Another item has come into view: look at it first.');
    const before = task.given;
    const given = { item: task.item, label, skipped, seconds: clock.seconds, at: Date.now(), shown: task.shown, was: before ? answerOf(before) : null };
    if (before && before.label === label && before.skipped === skipped) {
      tasks.answer(before);
    } else {
      // an answer that the server can't have is as if it had never been given
      const unsent = before ? answers.takeBack(task.item) : null;
      if (unsent) given.was = unsent.was;
      answers.add(given);
      tasks.answer(given);
      done += before ? 0 : 1;
    }
    fill(refusals);
    spoken.textContent = `${skipped ? 'Can’t tell' : label}.`;
    chosen = task.item;
    draw();
  }

  function undo() {
    const task = tasks.back();
    if (!task?.given) return say('There is nothing to undo.');
    chosen = shown?.item;
    say(`Back to the one before: ${task.given.skipped ? 'can’t tell' : task.given.label}. Choose again, or press Enter to leave it so.`);
    draw();
  }

  /** @param {string} text */
  const say = (text) => {
    spoken.textContent = text;
  };

  /** @param {Array<{item: string, why: string}>} refused */
  function refuse(refused) {
    fill(refusals, h('ul', {}, refused.map((each) => h('li', {}, `An answer was not taken: ${each.why}`))));
    for (const each of refused) tasks.drop(each.item);
    done = Math.max(0, done - refused.length);
    draw();
  }

  function draw() {
    const task = tasks.now;
    if (task !== shown || !task) {
      // a key that was meant for an item which has just been given to somebody else must not answer this one
      ready = chosen === shown?.item ? 0 : performance.now() + LOOK_FIRST;
      chosen = undefined;
      shown = task;
      clock.restart(task?.given?.seconds ?? 0);
      list.mark(task?.given && !task.given.skipped ? task.given.label : null);
      if (task) {
        fill(item, contentOf(task.content, project.kind), task.given ? formerAnswer(task.given) : null);
        item.scrollTop = 0;
        item.focus({ preventScroll: true });
      } else fill(item, nothing(tasks, project, giveBack));
    }
    choices.hidden = !task;
    drawSaved();
  }

  function drawSaved() {
    const open = answers.open;
    const away = answers.problem
      ? `${answers.problem.replace(/\.$/, '')}. ${many(open, 'answer')} ${open === 1 ? 'is' : 'are'} kept in this browser and sent again; go on meanwhile.`
      : '';
    const text = away || (open ? `${many(open, 'answer')} on the way …` : done ? `All ${many(done, 'answer')} of this visit ${done === 1 ? 'is' : 'are'} saved.` : '');
    saved.className = `annotate-saved ${away ? 'notice' : 'muted'}`;
    saved.textContent = text;
    if (Boolean(away) !== isAway) say(away || 'The server is back.');
    isAway = Boolean(away);
  }

  function drawHead() {
    fill(
      head,
      crumbs([['Annotation', 'annotations'], [name, pageOfAnnotation(name)], ['Label', null]]),
      h('div', { class: 'row spread' }, h('h1', {}, `Label ${name}`), progressLine(project)),
      project.description ? h('p', { class: 'muted annotate-about' }, project.description) : null,
    );
    fill(people, peopleCard(project));
  }

  async function giveBack() {
    try {
      await send(`${path}/release`, { as: user, items: null }, false);
      tasks.none = false;
      await tasks.fetch();
    } catch (error) {
      explain(refusals, error);
    }
  }

  async function look() {
    try {
      project = await get(path);
      drawHead();
      if (!tasks.now) draw();
    } catch (error) {
      console.warn(error);
    }
  }

  const cannotTell = () => give('', true);
  const buttons = h(
    'div',
    { class: 'row annotate-acts' },
    keyed('Undo the last', 'Backspace', '⌫', undo),
    keyed('Can’t tell', CANNOT_TELL, CANNOT_TELL, cannotTell),
  );
  fill(choices, list.element, buttons);
  drawHead();
  if (!project.can.label) {
    fill(main, head, h('p', { class: 'notice', role: 'status' }, `You can’t label here: ${project.why_not.label}.`), people);
    return;
  }
  fill(main, head, refusals, h('div', { class: 'annotate' }, h('div', { class: 'stack' }, item, choices, saved, spoken), people));

  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.repeat || event.altKey || isWriting(event.target) || document.querySelector('dialog[open]')) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z') {
      event.preventDefault();
      return undo();
    }
    if (event.ctrlKey || event.metaKey) return;
    if (event.key === 'Backspace') return did(event, undo);
    if (event.key === CANNOT_TELL) return did(event, cannotTell);
    const former = tasks.now?.given;
    const onButton = event.target instanceof HTMLElement && event.target.closest('button, a, summary');
    if (event.key === 'Enter' && former && !onButton) return did(event, () => give(former.label, former.skipped));
    const label = keysOf(event).map((key) => list.ofKey(key)).find((each) => each !== undefined);
    if (label !== undefined) return did(event, () => give(label, false));
    if (event.key === LOOK_FOR && list.lookFor()) event.preventDefault();
  });
  window.addEventListener('pageshow', (event) => event.persisted && location.reload()); // its tasks were given back
  answers.start();
  await tasks.start();
  setInterval(() => !document.hidden && void look(), REFRESH);
}

/** @param {Event} event @param {() => void} run */
function did(event, run) {
  event.preventDefault();
  run();
}

/** @param {EventTarget | null} target */
const isWriting = (target) => target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');

/** What an answer is called where another takes its place. @param {import('../annotate-answers.js').Given} given */
const answerOf = (given) => (given.skipped ? '' : given.label);

/** An answer as the server takes it. @param {import('../annotate-answers.js').Given} given */
const bodyOf = ({ item, label, skipped, seconds, at, shown, was }) => ({ item, label, skipped, seconds, ago: Math.max(0, (Date.now() - at) / 1000), shown, was });

/** @param {string} path @param {any} body @param {boolean} keepalive whether it is to be sent though the page goes */
function send(path, body, keepalive) {
  if (!keepalive) return act('POST', path, body, AbortSignal.timeout(PATIENCE));
  const headers = { 'Content-Type': 'application/json', 'X-AutoML-Request': '1' };
  return fetch(apiAddress(path), { method: 'POST', headers, body: JSON.stringify(body), keepalive: true, credentials: 'same-origin' });
}

/** A button with the key that does the same. @param {string} label @param {string} key @param {string} sign @param {() => void} run */
const keyed = (label, key, sign, run) =>
  h('button', { type: 'button', 'aria-keyshortcuts': key, onclick: run }, label, ' ', h('kbd', { 'aria-hidden': 'true' }, sign));

/** @param {import('../annotate-answers.js').Given} given */
const formerAnswer = (given) =>
  h('p', { class: 'notice' }, 'You have answered ', h('strong', {}, given.skipped ? 'can’t tell' : given.label), '. Choose again, or press ', h('kbd', {}, 'Enter'), ' to leave it so.');

/** Why there is nothing to label. @param {Tasks} tasks @param {any} project @param {() => void} giveBack all that other pages of this person have */
function nothing(tasks, project, giveBack) {
  if (tasks.asking && !tasks.status) return h('p', { class: 'muted' }, 'Loading …');
  if (tasks.problem) return [h('h2', {}, 'No items now'), h('p', {}, tasks.problem), h('p', { class: 'muted' }, 'It is tried again by itself.')];
  const batch = project.batch;
  const mine = project.people.find((each) => each.name === project.me.name);
  const others = project.people.filter((each) => each.tasks && each.name !== project.me.name);
  return [
    h('h2', {}, 'There is nothing to label for you now'),
    h('p', {}, batch && batch.open ? `${many(batch.open, 'item')} of batch ${batch.number} ${batch.open === 1 ? 'is' : 'are'} open, all of them with others${others.length ? ` (${others.map((each) => each.name).join(', ')})` : ''} or answered by you.` : project.stopped ? `The project has ended: ${project.stopped.why}.` : 'The next batch comes when models were trained with what is labelled so far.'),
    mine?.tasks ? h('p', {}, `Another page of yours has ${many(mine.tasks, 'item')}. `, h('button', { type: 'button', onclick: giveBack }, 'Have them given back')) : null,
    h('p', { class: 'muted' }, 'This page looks by itself whether there is more.'),
  ];
}
