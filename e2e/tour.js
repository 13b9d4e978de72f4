// The places that AllIN has: each page, and what may come up over it. axe.spec.js
// looks at each of them through the rules for accessible pages, and screens.js
// makes pictures of them.
import { Composer } from "./composer.js";
import { expect, openOwnMenu, wall } from "./journey.js";

// Who a place belongs to: "demo" has a full calendar, "beginner" an empty one,
// "stranger" is not signed in. What is "refused" is so on purpose, and a "menu" lies over
// other things, which cannot be hit then.
const demo = "demo";
const beginner = "beginner";
const stranger = "stranger";

const panel = (page) => page.getByRole("complementary", { name: "Details" });

// open returns a step that loads an address and waits for its heading.
const open = (path) => async (page) => {
  await page.goto(path);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
};

const chips = (page, state) => page.locator(".post-chip:visible", { hasText: state });

async function openPost(page, state) {
  await open(state === "Scheduled" ? "/posts" : "/posts?tab=past")(page);
  const href = await page.locator(".posts-row", { hasText: state }).first().getByRole("link").first().getAttribute("href");
  await open(href)(page);
  await expect(page.locator("#post")).toBeVisible();
}

// openAsked opens the demo's post that waits for approval.
async function openAsked(page) {
  await open("/posts?tab=review")(page);
  await open(await page.locator(".waiting-words").first().getAttribute("href"))(page);
  await expect(page.locator("#approval")).toBeVisible();
}

async function fillComposer(page) {
  const composer = new Composer(page);
  await composer.open();
  await composer.choose("Bluesky", "Mastodon", "X");
  await composer.write(`${"A long evening at the harbour, with coffee and the sound of ropes. ".repeat(5)}https://harbourcoffee.example/evening`);
  await expect(composer.panel.getByText(/too long for X/)).toBeVisible();
}

export const places = [
  { name: "sign-in", as: stranger, go: open("/sign-in") },
  {
    name: "sign-in-refused",
    as: stranger,
    refused: true,
    go: async (page) => {
      await open("/sign-in")(page);
      await page.getByLabel("E-mail").fill("nobody@example.com");
      await page.getByLabel("Password", { exact: true }).fill("wrong");
      await page.getByRole("button", { name: "Sign in" }).click();
      await expect(page.locator(".field-error")).toBeVisible();
    },
  },
  { name: "sign-up", as: stranger, go: open("/sign-up") },
  { name: "not-found", as: stranger, refused: true, go: open("/no/such/page") },

  { name: "welcome", as: beginner, go: open("/welcome") },
  { name: "calendar-empty", as: beginner, go: open("/calendar") },
  { name: "posts-empty", as: beginner, go: open("/posts") },
  { name: "accounts-empty", as: beginner, go: open("/accounts") },

  { name: "calendar-month", as: demo, go: open("/calendar") },
  { name: "calendar-week", as: demo, go: open("/calendar?view=week") },
  { name: "calendar-filtered", as: demo, go: open("/calendar?q=nothing+says+this") },
  {
    name: "calendar-post-panel",
    as: demo,
    go: async (page) => {
      await open("/calendar")(page);
      await chips(page, "Scheduled").first().click();
      await expect(panel(page).locator("#post")).toBeVisible();
    },
  },
  {
    name: "calendar-day-panel",
    as: demo,
    go: async (page) => {
      await open("/calendar")(page);
      await page.locator(".month-day[data-today] .day-number").click();
      await expect(panel(page).locator("#day")).toBeVisible();
    },
  },
  { name: "day", as: demo, go: async (page) => open(`/calendar/day?date=${wall().date}`)(page) },
  {
    name: "calendar-move",
    as: demo,
    go: async (page) => {
      await open("/calendar")(page);
      await chips(page, "Scheduled").last().focus();
      await page.keyboard.press("m");
      await expect(page.getByRole("dialog", { name: "Move post" })).toBeVisible();
    },
  },
  {
    name: "calendar-states",
    as: demo,
    menu: true,
    go: async (page) => {
      await open("/calendar")(page);
      await page.locator("#filter-states summary").click();
      await expect(page.locator("#filter-states .menu-list")).toBeVisible();
    },
  },
  {
    name: "own-menu",
    as: demo,
    menu: true,
    go: async (page) => {
      await open("/calendar")(page);
      await openOwnMenu(page, "Robin Vale");
    },
  },
  {
    name: "bell",
    as: demo,
    menu: true,
    go: async (page) => {
      await open("/calendar")(page);
      await page.locator("#bell summary").click();
      await expect(page.locator("#notifications .skeleton")).toHaveCount(0);
    },
  },
  {
    name: "shortcuts",
    as: demo,
    go: async (page) => {
      await open("/calendar")(page);
      await page.keyboard.press("?");
      await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
    },
  },
  { name: "posts-upcoming", as: demo, go: open("/posts") },
  { name: "posts-past", as: demo, go: open("/posts?tab=past") },
  { name: "posts-drafts", as: demo, go: open("/posts?tab=drafts") },
  { name: "posts-review", as: demo, go: open("/posts?tab=review") },
  { name: "post-review", as: demo, go: (page) => openAsked(page) },
  {
    name: "post-review-client",
    as: demo,
    go: async (page) => {
      await openAsked(page);
      await page.locator("summary", { hasText: "Ask a client" }).click();
      await expect(page.getByLabel("Client’s name")).toBeVisible();
    },
  },
  {
    name: "post-history",
    as: demo,
    go: async (page) => {
      await openAsked(page);
      await page.getByRole("link", { name: "History" }).click();
      await expect(page.locator("#history")).toBeVisible();
    },
  },
  {
    name: "composer-review",
    as: demo,
    go: async (page) => {
      await openAsked(page);
      await page.getByRole("link", { name: "Edit" }).click();
      await expect(page.getByText("It waits for approval.")).toBeVisible();
    },
  },
  {
    name: "review",
    as: demo,
    go: async (page) => {
      await openAsked(page);
      await page.locator("summary", { hasText: "Ask a client" }).click();
      await page.getByLabel("Client’s name").fill("Cleo Client");
      await page.getByLabel("Client’s e-mail").fill("cleo@client.example");
      await page.getByRole("button", { name: "Send the link" }).click();
      await open(new URL(await page.locator("#new-link").inputValue()).pathname)(page);
    },
  },
  { name: "review-gone", as: stranger, refused: true, go: open("/review/nothing") },
  { name: "approval", as: demo, go: open("/settings/approval") },
  { name: "post-published", as: demo, go: (page) => openPost(page, "Published") },
  { name: "post-scheduled", as: demo, go: (page) => openPost(page, "Scheduled") },
  {
    name: "post-cancel",
    as: demo,
    go: async (page) => {
      await openPost(page, "Scheduled");
      await page.getByRole("button", { name: "Cancel", exact: true }).first().click();
      await expect(page.getByRole("dialog")).toBeVisible();
    },
  },
  { name: "composer", as: demo, go: open("/posts/new") },
  { name: "composer-too-long", as: demo, go: fillComposer },
  {
    name: "composer-edit",
    as: demo,
    go: async (page) => {
      await openPost(page, "Scheduled");
      await page.getByRole("link", { name: "Edit" }).click();
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    },
  },
  { name: "accounts", as: demo, go: open("/accounts") },
  {
    name: "accounts-menu",
    as: demo,
    menu: true,
    go: async (page) => {
      await open("/accounts")(page);
      await page.locator("summary", { hasText: "Connect an account" }).click();
    },
  },
  { name: "connect-x", as: demo, go: open("/accounts/connect/x?sandbox=1") },
  { name: "connect-mastodon", as: demo, go: open("/accounts/connect/mastodon") },
  { name: "connect-bluesky", as: demo, go: open("/accounts/connect/bluesky?sandbox=1") },
  { name: "profile", as: demo, go: open("/settings/profile") },
  { name: "devices", as: demo, go: open("/settings/devices") },
  { name: "people", as: demo, go: open("/settings/people") },
  { name: "notifications", as: demo, go: open("/notifications") },

  { name: "sandbox", as: stranger, go: async (page, allin) => open(allin.sandbox)(page) },
  ...["x", "mastodon", "bluesky"].map((network) => ({
    name: `sandbox-${network}`,
    as: demo,
    go: async (page) => {
      await open("/accounts")(page);
      const name = { x: "X", mastodon: "Mastodon", bluesky: "Bluesky" }[network];
      const href = await page.locator("#accounts li", { hasText: `${name} ·` }).getByRole("link").first().getAttribute("href");
      await open(href)(page);
    },
  })),
  {
    name: "sandbox-consent",
    as: demo,
    go: async (page) => {
      await open("/accounts/connect/x?sandbox=1")(page);
      await page.getByRole("button", { name: /Go on to X/ }).click();
      await page.waitForURL(/\/x\/i\/oauth2\/authorize/);
    },
  },
];

// inScheme shows the page as somebody sees it who likes it "light" or "dark",
// once all colours have changed: what inherits a colour begins when its parent
// is done, so it is quiet only after some frames without a change.
export async function inScheme(page, colorScheme) {
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  await page.evaluate(async () => {
    for (let frames = 0, quiet = 0; quiet < 3 && frames < 60; frames++) {
      await new Promise(requestAnimationFrame);
      quiet = document.getAnimations().some((one) => one instanceof CSSTransition) ? 0 : quiet + 1;
    }
  });
}
