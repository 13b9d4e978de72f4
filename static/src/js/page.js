// What the scripts share: listening on the page, speaking to the server,
// saying things aloud.

// on listens for an event on everything that matches, now and later.
export function on(type, selector, handle, options) {
  document.addEventListener(
    type,
    (event) => {
      const found = event.target instanceof Element && event.target.closest(selector);
      if (found) handle(event, found);
    },
    options,
  );
}

// headers that every request of ours carries: the ones that htmx sends too.
export function headers() {
  return JSON.parse(document.body.getAttribute("hx-headers") || "{}");
}

// say has a screen reader say a sentence when it comes to it.
export function say(text) {
  const region = document.getElementById("announce");
  if (!region) return;
  region.textContent = "";
  setTimeout(() => (region.textContent = text), 50);
}

// clone makes an element out of a <template>'s first child.
export function clone(selector, within = document) {
  return within.querySelector(selector)?.content.firstElementChild.cloneNode(true);
}

// random returns 32 hex digits that nobody else has.
export const random = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
