// The icons in the sprite. A name here is a symbol there: ui.Icon("clock").
// Names on the left of a pair are ours, on the right Lucide's.
export const lucide = [
  "arrow-down", "arrow-left", "arrow-right", "arrow-up", "at-sign", "ban", "bell", "bookmark", "building-2",
  "calendar", "calendar-check", "calendar-clock", "calendar-days", "calendar-off", "calendar-plus", "check", "chevron-down", "chevron-left",
  "chevron-right", "chevron-up", "chevrons-up-down", "circle", "circle-alert", "circle-check", "circle-dashed",
  "circle-pause", "circle-slash", "circle-x", "clock", "copy", "download", "ellipsis", "ellipsis-vertical", "external-link", "eye", "eye-off",
  "file-pen-line", "file-text", "filter", "flask-conical", "globe", "grip-vertical", "hash", "heart", "hourglass",
  "image", "image-plus", "inbox", "info", "key-round", "keyboard", "laptop", "layers", "link", "list", "list-plus", "lock", "log-out",
  "menu", "message-circle", "message-square", "monitor", "moon", "move", "panel-left", "panel-left-close", "panel-left-open",
  "paperclip", "pause", "pencil", "play", "plug", "plus", "search", "send", "server", "settings", "share", "share-2", "shield-check",
  "sliders-horizontal", "smartphone", "square-pen", "sun", "timer", "trash-2", "triangle-alert", "undo-2", "unlink", "upload",
  "fingerprint", "history", "mail", "message-square-text", "rotate-ccw", "scroll-text", "user", "user-plus", "users", "video", "vote", "wifi-off", "x",
  ["help", "circle-question-mark"],
  ["spinner", "loader-circle"],
  ["retry", "rotate-cw"],
  ["reply", "message-circle"],
  ["repeat", "repeat-2"],
  ["chart", "chart-no-axes-column"],
  ["more", "ellipsis"],
];

// The networks' marks, from simple-icons (CC0): "net-" and the network's key.
export const marks = ["x", "mastodon", "bluesky"];
