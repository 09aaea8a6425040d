// Light, dark, or as the system says.

import { setText } from "./dom.mjs";

const KEY = "pointsman-theme";
const ORDER = ["system", "light", "dark"];

/** Makes a button switch the theme; `changed` runs after each change, the system's too. */
export function themeSwitch(button, changed) {
  let theme = ORDER.includes(localStorage.getItem(KEY)) ? localStorage.getItem(KEY) : "system";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    document.documentElement.dataset.theme = theme !== "system" ? theme : system.matches ? "dark" : "light";
    setText(button, `Theme: ${theme}`);
    changed();
  };
  button.addEventListener("click", () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
    localStorage.setItem(KEY, theme);
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}
