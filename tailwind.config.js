import plugin from "tailwindcss/plugin";

// The design tokens. Every colour that the interface uses stands here once for
// the light and once for the dark theme, and becomes a CSS variable, so that a
// portal can replace --accent and --on-accent without a build.
//
// Dark has three levels: ground (the page), surface (what lies on it), raised
// (what floats above). Text keeps a contrast of at least 4.5 on all of them.
const light = {
  ground: "#faf9f7",
  surface: "#ffffff",
  raised: "#ffffff",
  sunken: "#f3f1ee",
  hover: "#f0eeea",
  line: "#e7e4e0",
  "line-strong": "#d3cec8",
  control: "#c3bcb5",
  text: "#1c1917",
  muted: "#57534e",
  faint: "#6d6761",
  accent: "#0f766e",
  "on-accent": "#ffffff",
  danger: "#b91c1c",
  "on-danger": "#ffffff",
  scrim: "rgb(28 25 23 / 0.36)",
  "shadow-near": "rgb(28 25 23 / 0.07)",
  "shadow-far": "rgb(28 25 23 / 0.14)",
};

const dark = {
  ground: "#131110",
  surface: "#1b1917",
  raised: "#252220",
  sunken: "#161412",
  hover: "#2a2724",
  line: "#2b2825",
  "line-strong": "#3d3935",
  control: "#57514b",
  text: "#f3f1ef",
  muted: "#bab4ae",
  faint: "#a09991",
  accent: "#2dd4bf",
  "on-accent": "#042f2b",
  danger: "#dc2626",
  "on-danger": "#ffffff",
  scrim: "rgb(0 0 0 / 0.6)",
  "shadow-near": "rgb(0 0 0 / 0.4)",
  "shadow-far": "rgb(0 0 0 / 0.55)",
};

// What a post or a delivery can be: [text, ground] in light, then in dark.
// css/states.css turns data-state into --state and --state-soft.
const states = {
  draft: ["#57534e", "#eeebe7", "#c9c3bd", "#312d2a"],
  review: ["#854d0e", "#fdf1cf", "#fcd34d", "#382c10"],
  scheduled: ["#1e4fae", "#e4ecfc", "#9cc4fb", "#1b2a42"],
  publishing: ["#0a5f87", "#dcf0fa", "#7dd3fc", "#10303f"],
  published: ["#166534", "#def3e4", "#86e0a6", "#15301f"],
  retrying: ["#8a4607", "#fdebcb", "#fbbf5c", "#3a2a0f"],
  waiting: ["#6a5a3c", "#f1ebdd", "#d6c7a3", "#322c21"],
  unknown: ["#6429cd", "#ede6fd", "#c4b5fd", "#2c2443"],
  missed: ["#9f3a0c", "#ffe8d8", "#fdba8c", "#3d2413"],
  failed: ["#b01c1c", "#fde6e4", "#fca5a5", "#421c1b"],
  canceled: ["#6d6761", "#eeebe7", "#a8a19a", "#292623"],
};

const names = [...Object.keys(light), ...Object.keys(states).flatMap((s) => [s, `${s}-soft`])];

function variables(palette, column) {
  const out = {};
  for (const [name, value] of Object.entries(palette)) out[`--${name}`] = value;
  for (const [name, pair] of Object.entries(states)) {
    out[`--${name}`] = pair[column];
    out[`--${name}-soft`] = pair[column + 1];
  }
  return out;
}

const lightTheme = { "color-scheme": "light", ...variables(light, 0) };
const darkTheme = { "color-scheme": "dark", ...variables(dark, 2) };

/** @type {import('tailwindcss').Config} */
export default {
  content: ["./views/**/*.templ", "./static/src/js/*.js"],
  theme: {
    colors: {
      transparent: "transparent",
      current: "currentColor",
      ...Object.fromEntries(names.map((name) => [name, `var(--${name})`])),
      "accent-soft": "var(--accent-soft)",
      "accent-strong": "var(--accent-strong)",
    },
    fontFamily: {
      sans: ["Inter Variable", "system-ui", "sans-serif"],
      mono: ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"],
    },
    // 14 px where people work, 16 px (md) where they write.
    fontSize: {
      xs: ["0.75rem", "1rem"],
      sm: ["0.8125rem", "1.25rem"],
      base: ["0.875rem", "1.25rem"],
      md: ["1rem", "1.5rem"],
      lg: ["1.125rem", "1.625rem"],
      xl: ["1.375rem", "1.75rem"],
      "2xl": ["1.75rem", "2.125rem"],
    },
    fontWeight: { normal: "400", medium: "560" },
    borderRadius: { none: "0", sm: "5px", DEFAULT: "8px", lg: "12px", full: "999px" },
    screens: { sm: "640px", md: "768px", lg: "1024px", xl: "1280px" },
  },
  plugins: [
    plugin(({ addBase }) => {
      addBase({
        ":root": lightTheme,
        "[data-theme=dark]": darkTheme,
        "@media (prefers-color-scheme: dark)": { "[data-theme=system]": darkTheme },
        // Derived from the accent, so that a portal's own accent brings them along.
        ":root, [data-theme]": {
          "--accent-soft": "color-mix(in oklab, var(--accent) 12%, var(--surface))",
          "--accent-strong": "color-mix(in oklab, var(--accent) 86%, var(--text))",
        },
      });
    }),
  ],
};
