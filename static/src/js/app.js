// Everything the browser runs. Each script is keyed by data- attributes and
// does nothing on a page that has none of them; docs stand at its top.
import "./htmx.js";
import "./morph.js";
import "htmx-ext-ws";
import "./overlays.js";
import "./menus.js";
import "./confirm.js";
import "./toasts.js";
import "./preferences.js";
import "./keys.js";
import "./forms.js";
import "./tabs.js";
import "./copy.js";
import "./zones.js";
import "./passkeys.js";
import "./live.js";
import "./clock.js";
import "./drag.js";
import "./calendar.js";
import "./media.js";
import "./upload.js";
import "./unsaved.js";
import "./composer.js";
import "./comments.js";
import "./focus.js"; // after all that choose what has the focus
