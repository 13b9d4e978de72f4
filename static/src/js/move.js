// Giving a post another time, from the calendar: what drag.js does with the
// pointer and keys, and the dialog "Move…" for everyone.
//
//   data-calendar            the calendar; renewed ("changed") after a move
//   data-draggable           a chip, with
//     data-move-url          where its new time is sent: PATCH, at=2026-11-24T14:00
//     data-when              its time now, on the wall of the calendar's zone
//     data-label             its first words, for messages
//   data-move                on a button: opens the dialog #move for the chip it stands
//                            in, or for its own data-move-url, data-when and data-label
//
// The server answers 204 with a toast, or says no in a sentence.
import htmx from "htmx.org";
import { openDialog } from "./overlays.js";
import { on, say } from "./page.js";
import { words } from "./walltime.js";

export async function move(chip, when) {
  if (when === chip.dataset.when) return;
  const { moveUrl, label } = chip.dataset;
  chip.dataset.when = when;
  say(`${label ?? "Post"}: ${words(when)}`);
  try {
    await htmx.ajax("PATCH", moveUrl, { source: document.body, swap: "none", values: { at: when } });
  } finally {
    document.querySelectorAll("[data-calendar]").forEach((calendar) => htmx.trigger(calendar, "changed"));
  }
}

export function openMove(source) {
  const dialog = document.getElementById("move");
  if (!dialog) return;
  dialog.querySelector("[data-move-label]").textContent = source.dataset.label ?? "";
  const form = dialog.querySelector("form");
  form.elements.at.value = source.dataset.when;
  form.onsubmit = (event) => {
    event.preventDefault();
    dialog.close();
    move(source, form.elements.at.value);
  };
  openDialog(dialog, source);
  form.elements.at.focus();
}

on("click", "[data-move]", (event, button) => {
  event.preventDefault();
  openMove(button.closest("[data-draggable]") ?? button);
});
