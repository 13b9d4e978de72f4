// Time zones: a text field with data-zones gets the list of all that this
// browser knows to choose from, once it is entered. The server has the last word.
// A select with data-guess-zone that nobody has touched is set to this browser's.
import { on } from "./page.js";

function fill() {
  if (document.getElementById("zones")) return;
  const list = document.createElement("datalist");
  list.id = "zones";
  for (const zone of ["UTC", ...(Intl.supportedValuesOf?.("timeZone") ?? [])]) list.append(new Option(zone.replaceAll("_", " "), zone));
  document.body.append(list);
}

on("focusin", "[data-zones]", fill);
// A list offers only what matches the text that is there: what was chosen is selected, so that typing replaces it.
on("focusin", "[data-zones]", (_, field) => field.select());

function guess() {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const select of document.querySelectorAll("select[data-guess-zone]")) {
    const untouched = !select.dataset.guessed && (select.value === "" || select.value === "UTC");
    select.dataset.guessed = "1";
    if (untouched && [...select.options].some((option) => option.value === here)) select.value = here;
  }
}

guess();
document.addEventListener("htmx:afterSettle", guess);
