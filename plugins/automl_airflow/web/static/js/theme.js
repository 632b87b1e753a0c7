// Light or dark as Airflow is. A classic script in the head: the theme stands before anything is painted.
(() => {
  const dark = window.matchMedia('(prefers-color-scheme: dark)');

  /** Airflow's document around this one, where this one is a frame in it. */
  function outer() {
    try {
      return window.parent !== window ? window.parent.document.documentElement : null;
    } catch {
      return null; // framed by another origin, which the policy of the pages forbids
    }
  }

  /** What Airflow shows: by the class of its document, else by the choice that it keeps, else by the system's. */
  function wanted() {
    const around = outer();
    if (around?.classList.contains('dark') || around?.dataset.theme === 'dark') return 'dark';
    if (around?.classList.contains('light') || around?.dataset.theme === 'light') return 'light';
    let kept = null;
    try {
      kept = window.localStorage.getItem('theme');
    } catch {
      // storage is switched off: the system's choice is left
    }
    return kept === 'dark' || kept === 'light' ? kept : dark.matches ? 'dark' : 'light';
  }

  function apply() {
    const theme = wanted();
    if (document.documentElement.dataset.theme === theme) return;
    document.documentElement.dataset.theme = theme;
    document.dispatchEvent(new CustomEvent('automl:theme'));
  }

  apply();
  dark.addEventListener('change', apply);
  window.addEventListener('storage', apply);
  const around = outer();
  if (around) new MutationObserver(apply).observe(around, { attributeFilter: ['class', 'data-theme'] });
})();
