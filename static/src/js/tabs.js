// Tabs over panels in the page: data-tabs holds buttons with role="tab" and
// aria-controls. Arrow keys, Home and End move; only the chosen tab is in the
// tab order. A "tab" event with the panel's id is sent when the choice changes.
import { growAll } from "./forms.js";
import { on } from "./page.js";

const all = (list) => [...list.querySelectorAll("[role=tab]")];

export function choose(tab, focus) {
  for (const each of all(tab.closest("[data-tabs]"))) {
    const chosen = each === tab;
    each.setAttribute("aria-selected", String(chosen));
    each.tabIndex = chosen ? 0 : -1;
    const panel = document.getElementById(each.getAttribute("aria-controls"));
    if (!panel) continue;
    panel.hidden = !chosen;
    if (chosen) growAll(panel);
  }
  if (focus) tab.focus();
  tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  tab.dispatchEvent(new CustomEvent("tab", { bubbles: true, detail: { panel: tab.getAttribute("aria-controls") } }));
}

on("click", "[data-tabs] [role=tab]", (_, tab) => choose(tab, false));

on("keydown", "[data-tabs] [role=tab]", (event, tab) => {
  const tabs = all(tab.closest("[data-tabs]")).filter((each) => !each.hidden);
  const at = tabs.indexOf(tab);
  const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  choose(tabs.at(next % tabs.length), true);
});

// Links to further pages that do not fit beside each other: the one that is open is shown.
for (const tab of document.querySelectorAll(".tabs [aria-current=page]")) tab.scrollIntoView({ block: "nearest", inline: "center" });
