// What a person sets for this browser, kept in cookies so that the server
// draws the page right the first time.
//
//   data-set-theme="light|dark|system"   on a button or menu item
//   data-fold                            folds or opens the sidebar
import { on } from "./page.js";

function keep(name, value) {
  document.cookie = `${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax`;
}

function mark() {
  const now = document.documentElement.dataset.theme;
  for (const item of document.querySelectorAll("[data-set-theme]")) {
    item.setAttribute("aria-pressed", String(item.dataset.setTheme === now));
  }
}

on("click", "[data-set-theme]", (_, item) => {
  document.documentElement.dataset.theme = item.dataset.setTheme;
  keep("theme", item.dataset.setTheme);
  mark();
});

on("click", "[data-fold]", () => {
  const root = document.documentElement;
  const folded = root.dataset.nav !== "folded";
  root.dataset.nav = folded ? "folded" : "open";
  keep("nav", root.dataset.nav);
  document.querySelector(folded ? ".fold-open [data-fold]" : ".fold-shut [data-fold]")?.focus();
});

mark();
