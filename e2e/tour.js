// The places that AllIN has: each page, and what may come up over it. axe.spec.js
// looks at each of them through the rules for accessible pages, and screens.js
// makes pictures of them.
import { colleague } from "./colleagues.js";
import { Composer } from "./composer.js";
import { expect, followSignUp, newcomer, openOwnMenu, signUp, wall } from "./journey.js";
import { mailTo } from "./outbox.js";
import { code } from "./totp.js";

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

// openFresh opens a page that asks who it is when that was shown some minutes ago:
// a slow tour is asked.
const openFresh = (path) => async (page, allin, password = allin.password) => {
  await open(path)(page);
  if ((await page.getByRole("heading", { name: "Is it you?" }).count()) === 0) return;
  await page.getByLabel("Your password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Go on" }).click();
  await page.waitForURL(`**${path}`);
};

const chips = (page, state) => page.locator(".post-chip:visible", { hasText: state });

async function openPost(page, state) {
  await open(state === "Scheduled" ? "/posts" : "/posts?tab=past")(page);
  const href = await page.locator(".posts-row", { hasText: state }).first().getByRole("link").first().getAttribute("href");
  await open(href)(page);
  await expect(page.locator("#post")).toBeVisible();
}

const guest = "guest@example.com";

async function invite(page, address) {
  await open("/settings/people")(page);
  await page.getByLabel("E-mail addresses").fill(address);
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  await expect(page.getByText("The invitation is on its way.")).toBeVisible();
}

const invitation = async () => (await mailTo(guest, "Invitation")).link;

// openFirst opens the first thing that a list of the console leads to.
const openFirst = (path, list) => async (page) => {
  await open(path)(page);
  await page.goto(await page.locator(`${list} tbody a`).first().getAttribute("href"));
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
};

// openAsked opens the demo's post that waits for approval.
async function openAsked(page) {
  await open("/posts?tab=review")(page);
  await open(await page.locator(".waiting-words").first().getAttribute("href"))(page);
  await expect(page.locator("#approval")).toBeVisible();
}

// another does something in a browser of somebody else's.
async function another(page, { origin }, what) {
  const context = await page.context().browser().newContext({ baseURL: origin, storageState: undefined });
  await what(await context.newPage());
  await context.close();
}

async function setUpCodes(page) {
  await signUp(page);
  await open("/settings/security/totp")(page);
  await page.getByLabel("Code").fill(code(await page.locator("#secret").textContent()));
  await page.getByRole("button", { name: "Turn on" }).click();
  await expect(page.locator("#codes")).toBeVisible();
}

// changeEmail asks for another address, and returns both.
async function changeEmail(page) {
  const { email: old } = await signUp(page);
  const { email } = newcomer();
  await open("/settings/email")(page);
  await page.getByLabel("New e-mail address").fill(email);
  await page.getByRole("main").getByRole("button").last().click();
  await open((await mailTo(email, "Confirm email")).link)(page);
  return { old, email };
}

async function confirmEmail(page) {
  const { old } = await changeEmail(page);
  await page.getByRole("button", { name: "Use this address" }).click();
  await expect(page.getByRole("heading", { name: "Your address is changed" })).toBeVisible();
  return old;
}

async function forget(page) {
  const { email } = await signUp(page);
  await page.context().clearCookies();
  await open("/forgot")(page);
  await page.getByLabel("E-mail").fill(email);
  await page.getByRole("main").getByRole("button").click();
  await open((await mailTo(email, "Reset")).link)(page);
}

// askClient makes a link for a client, and opens it.
async function askClient(page) {
  await openAsked(page);
  await page.locator("summary", { hasText: "Ask a client" }).click();
  await page.getByLabel("Client’s name").fill("Cleo Client");
  await page.getByLabel("Client’s e-mail").fill("cleo@client.example");
  await page.getByRole("button", { name: "Send the link" }).click();
  await open(new URL(await page.locator("#new-link").inputValue()).pathname)(page);
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
  { name: "sign-up-finish", as: stranger, go: (page) => followSignUp(page, newcomer()) },
  {
    name: "sign-up-mailed",
    as: stranger,
    go: async (page) => {
      await open("/sign-up")(page);
      await page.getByLabel("E-mail").fill(newcomer().email);
      await page.getByRole("button", { name: "Send me the link" }).click();
      await expect(page.getByRole("heading", { name: "Look into your mail" })).toBeVisible();
    },
  },
  { name: "forgot", as: stranger, go: open("/forgot") },
  { name: "dead-link", as: stranger, refused: true, go: open(`/reset/${"a".repeat(43)}`) },
  { name: "reset", as: stranger, go: forget },
  { name: "setup-gone", as: stranger, refused: true, go: open(`/setup/${"a".repeat(43)}`) },
  { name: "recovery-codes", as: stranger, go: setUpCodes },
  {
    name: "recovery-codes-asks",
    as: stranger,
    go: async (page) => {
      await setUpCodes(page);
      await open("/settings/security")(page);
      await page.getByRole("button", { name: "New codes" }).click();
      await expect(page.getByRole("dialog", { name: "Make new recovery codes?" })).toBeVisible();
    },
  },
  {
    name: "recovery-codes-new",
    as: stranger,
    go: async (page) => {
      await setUpCodes(page);
      await open("/settings/security")(page);
      await page.getByRole("button", { name: "New codes" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Make new codes" }).click();
      await expect(page.locator("#codes")).toBeVisible();
    },
  },
  { name: "email-confirm", as: stranger, go: changeEmail },
  { name: "email-confirmed", as: stranger, go: confirmEmail },
  {
    name: "email-undo",
    as: stranger,
    go: async (page) => open((await mailTo(await confirmEmail(page), "Email changed")).link)(page),
  },
  {
    name: "email-undone",
    as: stranger,
    go: async (page) => {
      await open((await mailTo(await confirmEmail(page), "Email changed")).link)(page);
      await page.getByRole("button", { name: "Take the change back" }).click();
      await expect(page.getByRole("heading", { name: "The change is taken back" })).toBeVisible();
    },
  },
  {
    name: "ownership",
    as: stranger,
    go: async (page, allin) => {
      await signUp(page);
      await another(page, allin, (theirs) => colleague(page, theirs, "Ben Member", "Member"));
      await open("/settings/people")(page);
      await page.locator("#ownership").getByRole("button", { name: "Go on" }).click();
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    },
  },
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
  { name: "console-overview", as: demo, go: open("/console") },
  { name: "console-people", as: demo, go: open("/console/people") },
  { name: "console-nobody", as: demo, go: open("/console/people?q=nobody+is+called+so") },
  { name: "console-person", as: demo, go: openFirst("/console/people", "#people") },
  { name: "console-organizations", as: demo, go: open("/console/organizations") },
  { name: "console-organization", as: demo, go: openFirst("/console/organizations", "#organizations") },
  { name: "console-settings", as: demo, go: open("/console/settings") },
  { name: "console-networks", as: demo, go: open("/console/networks") },
  { name: "console-health", as: demo, go: open("/console/health") },
  { name: "console-errors", as: demo, go: open("/console/errors") },
  { name: "console-audit", as: demo, go: open("/console/audit") },
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
    name: "post-history-restore",
    as: demo,
    go: async (page) => {
      await openPost(page, "Scheduled");
      const here = page.url();
      await page.getByRole("link", { name: "Edit" }).click();
      const composer = new Composer(page);
      await composer.write("The harbour is open until ten this week, and the kitchen until nine.");
      await composer.press("Save and schedule");
      await expect(page.locator("#post")).toBeVisible();
      await open(`${here}/history`)(page);
      await expect(page.getByRole("button", { name: "Restore" }).first()).toBeVisible();
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
  { name: "review", as: demo, go: askClient },
  {
    name: "review-decided",
    as: demo,
    go: async (page) => {
      await askClient(page);
      await page.locator("summary", { hasText: "Ask for changes" }).click();
      await page.getByLabel("What should change?").fill("Say that there is cake, too.");
      await page.getByRole("button", { name: "Send", exact: true }).click();
      await expect(page.getByRole("heading", { name: "What do you say?" })).toHaveCount(0);
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
  { name: "notification-choices", as: demo, go: open("/settings/notifications") },
  { name: "outbox", as: demo, go: open("/console/mail") },
  { name: "mail-settings", as: demo, go: open("/console/mail/settings") },
  {
    name: "mail",
    as: demo,
    go: async (page) => {
      await open("/console/mail")(page);
      await page.getByRole("button", { name: "Send a test mail to me" }).click();
      await expect(page.getByText("Kept here", { exact: true })).toBeVisible();
    },
  },
  { name: "email-change", as: demo, go: openFresh("/settings/email") },
  { name: "password-change", as: demo, go: openFresh("/settings/password") },
  { name: "security", as: demo, go: open("/settings/security") },
  {
    // Who has just signed in is asked for nothing, but a wrong answer is told.
    name: "prove",
    as: demo,
    refused: true,
    go: async (page) => {
      await open("/settings/password")(page);
      await page.locator("form", { has: page.locator("[name=csrf]") }).last().evaluate((form) => {
        form.action = "/prove";
        form.insertAdjacentHTML("beforeend", '<input name="proof" value="wrong">');
        HTMLFormElement.prototype.submit.call(form);
      });
      await expect(page.getByRole("heading", { name: "Is it you?" })).toBeVisible();
    },
  },
  { name: "security-totp", as: demo, go: openFresh("/settings/security/totp") },
  { name: "security-passkey", as: demo, go: openFresh("/settings/security/passkeys/new") },
  { name: "second-factor-needed", as: demo, go: open("/second-factor") },
  { name: "devices", as: demo, go: open("/settings/devices") },
  { name: "people", as: demo, go: open("/settings/people") },
  { name: "people-nobody-found", as: demo, go: open("/settings/people?q=nobody+is+called+this") },
  {
    name: "people-invite-refused",
    as: demo,
    refused: true,
    go: async (page) => {
      await open("/settings/people")(page);
      await page.getByLabel("E-mail addresses").fill("demo@example.com");
      await page.getByRole("button", { name: "Invite", exact: true }).click();
      await expect(page.locator(".field-error")).toBeVisible();
    },
  },
  {
    name: "people-invited",
    as: demo,
    go: async (page) => {
      await invite(page, guest);
      await open("/settings/people")(page);
    },
  },
  {
    name: "invitation-for-another",
    as: demo,
    go: async (page) => {
      await invite(page, guest);
      await open(await invitation())(page);
      await expect(page.getByText("for another address")).toBeVisible();
    },
  },
  {
    name: "invitation",
    as: demo,
    go: async (page) => {
      await invite(page, guest);
      await page.context().clearCookies();
      await open(await invitation())(page);
    },
  },
  {
    name: "invitation-known",
    as: demo,
    go: async (page, allin) => {
      let known;
      await another(page, allin, async (theirs) => (known = await signUp(theirs)));
      await invite(page, known.email);
      await page.context().clearCookies();
      await open((await mailTo(known.email, "Invitation")).link)(page);
    },
  },
  { name: "invitation-gone", as: stranger, refused: true, go: open(`/invitations/${"x".repeat(43)}`) },
  { name: "own-invitations", as: demo, go: open("/invitations") },
  { name: "new-organization", as: demo, go: open("/organizations/new") },
  { name: "organization-settings", as: demo, go: open("/settings/organization") },
  { name: "billing", as: demo, go: open("/settings/billing") },
  { name: "billing-empty", as: beginner, go: open("/settings/billing") },
  { name: "audit", as: demo, go: open("/settings/audit") },
  { name: "audit-nothing-found", as: demo, go: open("/settings/audit?from=2020-01-01&to=2020-01-02") },
  { name: "data", as: demo, go: open("/settings/data") },
  {
    name: "data-delete-asks",
    as: beginner,
    go: async (page) => {
      await open("/settings/data")(page);
      await page.getByLabel("Your password", { exact: true }).last().fill("not the password");
      await page.getByRole("button", { name: "Delete my account" }).click();
      await expect(page.getByRole("dialog", { name: "Delete your account?" })).toBeVisible();
    },
  },
  { name: "api-keys-empty", as: beginner, go: (page, allin) => openFresh("/settings/api")(page, allin, newcomer().password) },
  {
    name: "api-key-made",
    as: demo,
    go: async (page, allin) => {
      await openFresh("/settings/api")(page, allin);
      await page.getByLabel("What it is for").fill("Weekly report");
      await page.getByLabel("See members, roles and the organization").check();
      await page.getByRole("button", { name: "Make the key" }).click();
      await expect(page.locator("#made")).toBeVisible();
    },
  },
  {
    name: "api-key-refused",
    as: demo,
    refused: true,
    go: async (page, allin) => {
      await openFresh("/settings/api")(page, allin);
      await page.getByLabel("What it is for").fill("Weekly report");
      await page.getByRole("button", { name: "Make the key" }).click();
      await expect(page.locator(".field-error")).toBeVisible();
    },
  },
  { name: "api-docs", as: stranger, go: open("/api/v1/docs") },
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
