// hx-swap="morph" changes an element into its new self, node by node, so that
// focus, typed text, scroll and open menus outlive a live update.
import htmx from "htmx.org";
import { Idiomorph } from "idiomorph";

// What the reader opened or chose stays so; what a script has measured stays
// (the page itself has no style attributes); an element with data-keep is left alone, and
// what the server shows only once (data-once) stays until the page is left.
const own = (name, element) =>
  name === "open" ||
  name === "style" ||
  (name === "tabindex" && element === document.activeElement) || // of focus.js
  ((name === "aria-selected" || name === "tabindex") && element.matches("[data-tabs] [role=tab]")) ||
  (name === "hidden" && element.matches("[role=tabpanel]"));

const callbacks = {
  beforeAttributeUpdated: (name, element) => !own(name, element),
  beforeNodeRemoved: (node) => !(node instanceof Element && node.hasAttribute("data-once")),
  beforeNodeMorphed: (from) => !(from instanceof Element && from.hasAttribute("data-keep")),
};

const style = (name) => {
  if (name === "morph" || name === "morph:outerHTML") return "outerHTML";
  return name === "morph:innerHTML" ? "innerHTML" : undefined;
};

htmx.defineExtension("morph", {
  isInlineSwap: (name) => style(name) === "outerHTML",
  handleSwap: (name, target, fragment) => {
    const morphStyle = style(name);
    if (!morphStyle) return undefined;
    // Idiomorph leaves all that is inside of an active element alone, so this is for fields only.
    const ignoreActiveValue = Boolean(document.activeElement?.matches("input, textarea, select"));
    return Idiomorph.morph(target, fragment.children, { morphStyle, ignoreActiveValue, callbacks });
  },
});
