// Pictures and videos of a post, once they are uploaded.
//
//   data-field="name"   on an upload's place: tiles that come in get this name for their field
//   data-alt="id"       on a tile's button: asks for the medium's alt text in the dialog #alt
//                       (data-alt-text holds it) and sends it to /media/ID/alt
//   data-library="id"   a button: opens the dialog #library to pick for the place with that id
//   data-pick           in the library: a button whose neighbouring <template> is the tile
//   data-sortable       its children with data-sort are dragged to another place
import htmx from "htmx.org";
import { openDialog } from "./overlays.js";
import { headers, on, say } from "./page.js";

const tell = (place) => place.dispatchEvent(new CustomEvent("media", { bubbles: true }));

// named gives the fields of a tile the name that the place has for them.
export function named(place, tile) {
  for (const field of tile.querySelectorAll("[name=__field__]")) field.name = place.dataset.field ?? "media";
}

// Alt text.
on("click", "[data-alt]", (event, button) => {
  event.preventDefault();
  const dialog = document.getElementById("alt");
  const form = dialog.querySelector("form");
  const picture = dialog.querySelector("[data-alt-picture]");
  const from = button.closest(".tile")?.querySelector("img");
  picture.hidden = !from;
  if (from) picture.src = from.src;
  form.dataset.medium = button.dataset.alt;
  form.elements.alt.value = button.dataset.altText;
  dialog.querySelector("[data-alt-error]").hidden = true;
  openDialog(dialog, button);
});

on("submit", "form[data-alt-form]", async (event, form) => {
  event.preventDefault();
  const { medium } = form.dataset;
  const text = form.elements.alt.value.trim();
  const error = form.querySelector("[data-alt-error]");
  const answer = await fetch(`/media/${medium}/alt`, {
    method: "POST",
    headers: { ...headers(), "HX-Request": "true" },
    body: new URLSearchParams({ alt: text }),
  }).catch(() => null);
  form.removeAttribute("data-sent");
  form.querySelector("[type=submit]").removeAttribute("aria-busy");
  if (!answer?.ok) {
    const plain = answer?.headers.get("Content-Type")?.startsWith("text/plain");
    error.textContent = plain ? await answer.text() : "It could not be saved. Try again.";
    error.hidden = false;
    return;
  }
  form.closest("dialog").close();
  for (const button of document.querySelectorAll(`[data-alt="${CSS.escape(medium)}"]`)) {
    button.dataset.altText = text;
    button.toggleAttribute("data-on", text !== "");
    button.setAttribute("aria-label", `Alt text of ${button.dataset.name}${text ? `: ${text}` : " is missing: describe it"}`);
    const picture = button.closest(".tile").querySelector("img");
    if (picture) picture.alt = text;
    tell(button);
  }
});

// The library.
let place = null;

const has = (id) => place?.querySelector(`[data-medium="${CSS.escape(id)}"]`);

function mark() {
  for (const item of document.querySelectorAll("[data-pick]")) item.setAttribute("aria-pressed", String(Boolean(has(item.dataset.pick))));
}

on("click", "[data-library]", (event, button) => {
  event.preventDefault();
  place = document.getElementById(button.dataset.library);
  openDialog(document.getElementById("library"), button);
  htmx.trigger("#library-list", "fill");
});

document.addEventListener("htmx:afterSettle", mark);

on("click", "[data-pick]", (_, button) => {
  if (!place) return;
  const there = has(button.dataset.pick);
  if (there) {
    there.remove();
  } else {
    const tile = button.parentElement.querySelector("template").content.firstElementChild.cloneNode(true);
    named(place, tile);
    place.querySelector("[data-upload-list]").append(tile);
    htmx.process(tile);
  }
  say(there ? "Taken out" : "Added");
  mark();
  tell(place);
});

// Dragging a tile to another place.
let drag = null;

on("pointerdown", "[data-sortable] [data-sort]", (event, item) => {
  if (event.button !== 0 || event.pointerType === "touch" || event.target.closest("button")) return;
  event.preventDefault();
  drag = { item, x: event.clientX, y: event.clientY, moved: false };
});

document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  if (!drag.moved && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < 6) return;
  drag.moved = true;
  drag.item.dataset.moving = "";
  document.documentElement.classList.add("dragging");
  const over = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-sort]");
  if (!over || over === drag.item || over.parentElement !== drag.item.parentElement) return;
  const box = over.getBoundingClientRect();
  if (event.clientX < box.left + box.width / 2) over.before(drag.item);
  else over.after(drag.item);
});

function drop() {
  if (!drag) return;
  const { item, moved } = drag;
  drag = null;
  delete item.dataset.moving;
  document.documentElement.classList.remove("dragging");
  if (moved) tell(item);
}
document.addEventListener("pointerup", drop);
document.addEventListener("pointercancel", drop);
