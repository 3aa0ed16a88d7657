// What every page has: light or dark, copy buttons, the filter of a list. In the head, so that a remembered choice
// is there before the first paint.
"use strict";

(() => {
  const root = document.documentElement;
  const remembered = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage is switched off
    }
  };
  const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const show = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    root.classList.toggle("dark-mode", isDark()); // what the API browser looks at
  };
  show(remembered());

  const bindTheme = () => {
    const button = document.querySelector("button.theme");
    button.hidden = false;
    button.setAttribute("aria-pressed", String(isDark()));
    button.addEventListener("click", () => {
      const theme = isDark() ? "light" : "dark";
      show(theme);
      button.setAttribute("aria-pressed", String(isDark()));
      try {
        localStorage.setItem("theme", theme);
      } catch {
        // It holds for this page.
      }
    });
  };

  // The asynchronous clipboard exists on secure origins only.
  const copy = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  const bindCopies = () => {
    for (const button of document.querySelectorAll("[data-copy]")) {
      button.hidden = false;
      if (!button.hasAttribute("aria-label")) button.setAttribute("aria-label", `Copy ${button.dataset.copy}`);
      button.addEventListener("click", async () => {
        await copy(button.dataset.copy);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1600);
      });
    }
  };

  const bindFilter = () => {
    const input = document.querySelector("[data-filter]");
    if (!input) return;
    const entries = [...document.querySelectorAll(input.dataset.filter)];
    const parts = [...document.querySelectorAll(".group > .scroll, .fold, .group")];
    const nothing = document.getElementById("nothing-found");
    input.hidden = false;
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const entry of entries) entry.hidden = !words.every((word) => entry.dataset.words.includes(word));
      for (const part of parts) {
        part.hidden = !part.querySelector("[data-words]:not([hidden])");
        if (part.matches(".fold")) part.open = words.length > 0;
      }
      if (nothing) nothing.hidden = entries.some((entry) => !entry.hidden);
    });
  };

  document.addEventListener("DOMContentLoaded", () => {
    bindTheme();
    bindCopies();
    bindFilter();
  });
})();
