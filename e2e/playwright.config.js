// How the journeys are walked: in Chromium, one after another, against a server
// of their own (server.js). `make test-e2e` runs them all, and
//
//   npx playwright test --config e2e compose --project phone
//
// runs some of them, once bin/allin is built.
import { defineConfig } from "@playwright/test";

const phoneToo = /(accounts|axe|compose|noscript|people|screens|whole|wrong-input)\.spec\.js/;

// SCREENS=folder makes pictures of all places instead.
const screens = /screens\.spec\.js/;

export default defineConfig({
  testDir: ".",
  testIgnore: process.env.SCREENS ? [] : screens,
  outputDir: "results",
  workers: 1,
  retries: 0,
  forbidOnly: Boolean(process.env.ALLIN_NO_SKIP),
  timeout: 60_000,
  globalTimeout: 30 * 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"]],
  use: {
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    actionTimeout: 10_000,
    navigationTimeout: 15_000,
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
      args: ["--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
  },
  projects: [
    { name: "desktop", use: { viewport: { width: 1440, height: 900 } } },
    // Phones have no keyboard; that all can be reached with one is seen on the other.
    { name: "phone", testMatch: phoneToo, grepInvert: /with the keyboard alone/, use: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } },
  ],
});
