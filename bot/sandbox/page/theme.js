// Runs before the first paint, so that the page does not flash in the other theme.
(function () {
  try {
    var theme = localStorage.getItem('botctl-theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch (e) { /* no storage: the system's theme */ }
})();
