// One story from the first address to the published post: somebody signs up,
// sets up a second factor, invites a colleague, who proposes a post; it is sent
// back, approved by a client from a link, and goes out. At a desk and on a phone.
import { colleague } from "./colleagues.js";
import { Composer } from "./composer.js";
import { connect, expect, minutesAhead, signUp, test, wall } from "./journey.js";
import { mailTo } from "./outbox.js";
import { code } from "./totp.js";

test.use({ installation: "whole", as: "stranger" });

const words = "Winter hours: we open at ten.";
const better = "Winter hours: we open at ten, on Sundays at eleven.";

test("from signing up to a post that a client approved", async ({ page, visit }) => {
  test.setTimeout(300_000);
  const [member, client] = [await visit(), await visit()];
  await test.step("sign up", () => signUp(page, { name: "Ada Owner", organization: "Nordlys" }));
  await test.step("set up a second factor", () => secondFactor(page));
  await test.step("connect an account", async () => {
    await page.goto("/accounts");
    await connect(page, "Mastodon", `ada${process.pid}`);
  });
  await test.step("invite a colleague, who accepts", () => colleague(page, member, "Ben Member", "Member"));
  const post = await test.step("the colleague proposes", () => propose(member));
  await test.step("the owner asks for changes", () => sendBack(page, post));
  await test.step("the colleague changes it and asks again", () => askAgain(member, post));
  await test.step("a client approves", () => byClient(page, client, post));
  await test.step("it goes out", async () => {
    await expect(member.locator("#post")).toContainText("Published", { timeout: 200_000 });
    const opened = member.waitForEvent("popup");
    await member.getByRole("link", { name: "See it on Mastodon" }).click();
    await expect((await opened).getByText(better, { exact: true })).toBeVisible();
  });
});

async function secondFactor(page) {
  await page.goto("/settings/security");
  await page.getByRole("link", { name: "Set up" }).click();
  const secret = await page.locator("#secret").textContent();
  await page.getByLabel("Code").fill(code(secret));
  await page.getByRole("button", { name: "Turn on" }).click();
  await expect(page.getByRole("heading", { name: "Your recovery codes" })).toBeVisible();
  await page.getByRole("link", { name: "I have kept them" }).click();
  await expect(page.locator("#two-step").getByText("10 left")).toBeVisible();
}

async function propose(page) {
  const composer = new Composer(page);
  await composer.open();
  await composer.choose("Mastodon");
  await composer.write(words);
  await composer.at(wall(minutesAhead() + 1));
  await composer.press("Ask for approval");
  await expect(page.locator("#approval")).toContainText("In review");
  return new URL(page.url()).pathname;
}

async function sendBack(page, post) {
  await page.goto(post);
  await page.locator("summary", { hasText: "Ask for changes" }).click();
  await page.getByLabel("What should change?").fill("What about Sundays?");
  await page.getByRole("button", { name: "Send back" }).click();
  await expect(page.locator("#approval")).toContainText("What about Sundays?");
}

async function askAgain(page, post) {
  await expect(page.locator("#approval"), "told without a reload").toContainText("What about Sundays?");
  const composer = new Composer(page);
  await composer.open(`${post}/edit`);
  await composer.write(better);
  await composer.press("Ask again");
  await expect(page.locator("#approval")).toContainText("In review");
}

async function byClient(page, client, post) {
  await page.goto(post);
  await page.locator("summary", { hasText: "Ask a client" }).click();
  await page.getByLabel("Client’s name").fill("Cleo Client");
  const address = `cleo-${process.pid}@client.example`;
  await page.getByLabel("Client’s e-mail").fill(address);
  await page.getByRole("button", { name: "Send the link" }).click();
  await expect(page.locator("#new-link")).toBeVisible();
  await client.goto((await mailTo(address, "Review asked")).link);
  await client.getByRole("button", { name: "Approve this post" }).click();
  await expect(client.getByText("The post is approved and goes out at its time.")).toBeVisible();
}
