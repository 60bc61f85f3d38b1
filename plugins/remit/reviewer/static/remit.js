// Follows the colour mode that Airflow's pages keep in this browser. Without it, the system's counts.
"use strict";

(() => {
  const root = document.documentElement;

  const follow = () => {
    let chosen = null;
    try {
      chosen = window.localStorage.getItem("theme");
    } catch {
      // Storage may be switched off.
    }
    if (chosen === "light" || chosen === "dark") {
      root.dataset.theme = chosen;
    } else {
      delete root.dataset.theme;
    }
  };

  follow();
  window.addEventListener("storage", follow);
})();
