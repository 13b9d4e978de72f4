// Copying what stands in a field: a button with data-copy and the field's id.
import { on } from "./page.js";
import { toast } from "./toasts.js";

on("click", "[data-copy]", async (_, button) => {
  const field = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(field.value);
    toast({ tone: "good", text: "Copied." });
  } catch {
    // Not over plain http, or forbidden by the browser.
    field.select();
    toast({ tone: "info", text: "Selected: copy it with the keyboard." });
  }
});
