// What every journey has: a server, a browser that is watched for what no
// person may ever see, and the few steps that all of them share.
import { expect, test as plain } from "@playwright/test";
import { press, tick, write } from "./hands.js";
import { mailTo, outboxOf } from "./outbox.js";
import { start, zone } from "./server.js";

export { expect, zone };

export const test = plain.extend({
  // Journeys with another word here get a server of their own.
  installation: ["shared", { option: true, scope: "worker" }],
  // Who the browser belongs to at the beginning: "demo" is signed in and has a full
  // calendar, "beginner" is signed in and has nothing yet, "stranger" is not signed in.
  as: ["demo", { option: true }],

  // Playwright gives each value of what this asks for a worker, and so a server.
  allin: [
    async ({ installation, browser }, use) => {
      const allin = await start();
      outboxOf(allin, browser);
      await use(allin);
      await allin.stop();
    },
    { scope: "worker", timeout: 90_000 },
  ],

  demoState: [
    async ({ allin, browser }, use) => {
      const context = await browser.newContext({ baseURL: allin.origin });
      const page = await context.newPage();
      await page.goto("/sign-in");
      await signIn(page, allin);
      await use(await context.storageState());
      await context.close();
    },
    { scope: "worker" },
  ],

  beginnerState: [
    async ({ allin, browser }, use) => {
      const context = await browser.newContext({ baseURL: allin.origin, timezoneId: zone });
      await signUp(await context.newPage());
      await use(await context.storageState());
      await context.close();
    },
    { scope: "worker" },
  ],

  baseURL: async ({ allin }, use) => use(allin.origin),
  storageState: async ({ as, demoState, beginnerState }, use) => use({ demo: demoState, beginner: beginnerState }[as]),

  // watch gathers what goes wrong in a context without being seen; a journey
  // that is refused on purpose says so: watch.expects(/status of 422/).
  watch: [
    async ({ baseURL }, use) => {
      const problems = [];
      const expected = [];
      const watch = (context) => {
        context.on("console", (message) => {
          const policy = /Content Security Policy|Content-Security-Policy/.test(message.text());
          if (message.type() === "error" || policy) problems.push(`${message.text()} (${message.location().url})`);
        });
        context.on("weberror", (problem) => problems.push(problem.error().stack ?? String(problem.error())));
        context.on("response", (response) => {
          if (response.status() >= 500) problems.push(`${response.status()} ${response.request().method()} ${response.url()}`);
        });
      };
      watch.expects = (pattern) => expected.push(pattern);
      await use(watch);
      const unexpected = problems.filter((problem) => !expected.some((pattern) => pattern.test(problem)));
      expect(unexpected, `the browser's console (server: ${baseURL})`).toEqual([]);
    },
    { auto: true },
  ],

  context: async ({ context, watch }, use) => {
    watch(context);
    await use(context);
  },

  // visit opens another browser, in which nobody is signed in.
  visit: async ({ browser, baseURL, watch }, use) => {
    const contexts = [];
    await use(async (options) => {
      const context = await browser.newContext({ baseURL, storageState: undefined, ...options });
      contexts.push(context);
      watch(context);
      return context.newPage();
    });
    await Promise.all(contexts.map((context) => context.close()));
  },
});

export async function signIn(page, { email, password }) {
  await write(page.getByLabel("E-mail"), email);
  await write(page.getByLabel("Password", { exact: true }), password);
  await press(page.getByRole("button", { name: "Sign in", exact: true }));
  await page.waitForURL((url) => url.pathname !== "/sign-in");
}

let people = 0;

// newcomer is somebody who has no account yet.
export const newcomer = ({ name = "Kim Larsen", organization = "Nordlys" } = {}) => ({
  name,
  organization,
  email: `${name.split(" ")[0].toLowerCase()}-${process.pid}-${++people}@example.com`,
  password: "a long walk by the sea",
});

// followSignUp asks for a link, follows it and stays where the account is made.
export async function followSignUp(page, person) {
  await page.goto("/sign-up");
  await write(page.getByLabel("E-mail"), person.email);
  await press(page.getByRole("button", { name: "Send me the link" }));
  await expect(page.getByText(`We have sent a mail to ${person.email}`)).toBeVisible();
  await page.goto((await mailTo(person.email, "Sign up")).link);
}

// signUp makes a person with an empty organization and stays on the page that welcomes them.
export async function signUp(page, { zone: at, ...who } = {}) {
  const person = newcomer(who);
  await followSignUp(page, person);
  await write(page.getByLabel("Your name"), person.name);
  await write(page.getByLabel("Password", { exact: true }), person.password);
  await write(page.getByLabel("Organization"), person.organization);
  if (at) await page.getByLabel("Time zone").selectOption(at);
  await press(page.getByRole("button", { name: "Sign up" }));
  await expect(page.getByRole("heading", { name: `Welcome, ${person.name.split(" ")[0]}` })).toBeVisible();
  return person;
}

// wall is what clock and calendar on the wall say in some minutes from now.
export function wall(minutes = 0) {
  const at = new Date(Date.now() + minutes * 60_000);
  const [date, time] = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" }).format(at).split(" ");
  return { date, time };
}

// minutesAhead leads to the next full minute that leaves time to fill in a form.
export const minutesAhead = () => (new Date().getSeconds() < 45 ? 1 : 2);

// day is a date some days after another, in the form 2026-11-24.
export function day(date, days) {
  const at = new Date(`${date}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}

export const isPhone = (page) => page.viewportSize().width < 640;

// openOwnMenu opens the menu with the person's own things: in the sidebar, or behind "More".
export async function openOwnMenu(page, name) {
  const summary = isPhone(page) ? page.locator(".foot-bar summary", { hasText: "More" }) : page.locator(".side summary", { hasText: name });
  await summary.click();
  return summary.locator("xpath=..");
}

// connectMenu opens the form that connects an imitated account.
export async function connectMenu(page, network) {
  await press(page.locator("summary", { hasText: "Connect an account" }));
  await press(page.getByRole("link", { name: `${network} (sandbox)` }));
  await expect(page.getByRole("heading", { level: 1 })).toContainText(network);
}

// consent says yes on the imitated network's page, for an account that has that name or gets it.
export async function consent(page, handle) {
  await page.waitForURL(/\/oauth2?\/authorize/);
  const known = page.getByRole("radio", { name: `@${handle}` });
  if ((await known.count()) > 0) await tick(known.first());
  else await write(page.getByRole("textbox"), handle);
  await press(page.getByRole("button", { name: "Authorise" }));
}

// connect connects an account of a network that asks on a page of its own, from the page of accounts.
export async function connect(page, network, handle) {
  await connectMenu(page, network);
  await press(page.getByRole("button", { name: `Go on to ${network}` }));
  await consent(page, handle);
  await expect(page.getByText(new RegExp(`^${network} @${handle}\\S* is connected`))).toBeVisible();
  await expect(page).toHaveURL(/\/accounts$/);
}
