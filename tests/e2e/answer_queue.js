// What becomes of answers on their way, and of items that are held: run in a page of the product, without its server.
// `arguments`: the address of the scripts, and Selenium's callback, which gets what was not as it should be.

const [base, done] = arguments;
const wrong = [];
const same = (what, found, wanted) => {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) wrong.push(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
};
const given = (item, label, more = {}) => ({ item, label, skipped: false, seconds: 1, at: Date.now(), shown: 's', was: null, ...more });

async function check() {
  const { Answers } = await import(`${base}annotate-answers.js`);
  const { Tasks } = await import(`${base}annotate-tasks.js`);
  const { ApiError } = await import(`${base}api.js`);
  let sent, refused;
  const queue = (send) => {
    sent = [];
    refused = [];
    const made = new Answers({
      project: 'queue-check', user: 'anna', changed: () => {}, refused: (some) => refused.push(...some),
      send: async (some, keepalive) => {
        sent.push(some.map((each) => each.label));
        return send(some, keepalive);
      },
    });
    made.soon = () => {}; // each step is taken here, by hand
    return made;
  };
  const kept = (made) => JSON.parse(localStorage.getItem(made.stem + made.tab) ?? '[]').map((each) => each.label);

  // a server that is away loses nothing, and gets the answers in their order, those that came meanwhile behind
  let away = true;
  const first = queue(async () => {
    if (away) throw new TypeError('Failed to fetch');
    return { refused: [] };
  });
  first.add(given('i1', 'order'));
  await first.flush();
  first.add(given('i1', 'refund', { was: 'order' }));
  same('kept while the server is away', kept(first), ['order', 'refund']);
  same('told', [first.open, first.problem], [2, 'Failed to fetch']);
  same('what the server may have is not taken back, the next one is', [first.takeBack('i1').label, first.takeBack('i1')], ['refund', null]);
  first.add(given('i2', 'other'));
  away = false;
  await first.flush();
  same('sent', sent, [['order'], ['order', 'other']]);
  same('after that', [kept(first), first.open, first.problem, first.has('i2', 0)], [[], 0, '', true]);

  // an answer that can't be taken is told, and keeps no other out
  const second = queue(async (some) => {
    if (some.some((each) => each.label === 'odd')) throw new ApiError(422, 'label: too odd');
    return { refused: [] };
  });
  for (const label of ['one', 'odd', 'two']) second.add(given(`i-${label}`, label));
  for (let i = 0; i < 4; i++) await second.flush();
  same('one by one', sent, [['one', 'odd', 'two'], ['one'], ['odd'], ['two']]);
  same('refused', refused, [{ item: 'i-odd', why: 'label: too odd' }]);
  same('nothing is left', [second.open, kept(second)], [0, []]);

  // a page that goes leaves its answers to the next one; what somebody else wrote there keeps none of them
  const third = queue(async () => new Promise(() => {}));
  third.beat();
  third.add(given('i3', 'order'));
  third.leave();
  same('sent as it goes, and still kept', [sent, kept(third)], [[['order']], ['order']]);
  const fourth = queue(async () => ({ refused: [] }));
  for (const bad of ['{', '7', '[{"item":1}]']) localStorage.setItem(`${fourth.stem}0${bad.length}`, bad);
  const other = queue(async () => ({ refused: [] }));
  other.beat();
  other.add(given('i4', 'other'));
  fourth.adopt();
  same('taken over, but not of a page that is there', [fourth.waiting.map((each) => each.label), fourth.adopted, kept(other)], [['order'], 1, ['other']]);
  same('no more kept for the page that is gone', [kept(third), kept(fourth)], [[], ['order']]);
  other.leave();

  // a storage that is full: answers of another page are not deleted before they are kept here
  const fifth = queue(async () => ({ refused: [] }));
  const full = Storage.prototype.setItem;
  Storage.prototype.setItem = () => {
    throw new DOMException('full', 'QuotaExceededError');
  };
  fifth.adopt();
  Storage.prototype.setItem = full;
  same('still kept there', [fifth.kept, kept(other)], [false, ['other']]);
  for (const key of Object.keys(localStorage)) if (key.includes('queue-check')) localStorage.removeItem(key);

  // who answers the last item while it is kept for longer gets the next ones all the same
  const replies = [];
  const tasks = new Tasks({
    claim: (many) => new Promise((resolve) => replies.push([many, resolve])), release: async () => {}, isThere: () => true,
    areAny: () => true, isAnswered: () => false, told: () => {}, changed: () => {},
  });
  tasks.ahead = [{ item: 'i5', content: {}, shown: 's', until: 0 }];
  const renewed = tasks.renew();
  tasks.answer(given('i5', 'order'));
  replies[0][1]({ now: Date.now() / 1000, lost: [], kept: {}, tasks: [], lease: 900 });
  await renewed;
  same('asked for', replies.map(([many]) => many), [0, 10]);
}

check().catch((error) => wrong.push(String(error.stack ?? error))).finally(() => done(wrong));
