// What people type that cannot be: each time they are told at the right place,
// and nothing of what they wrote is lost.
import { writeFile } from "node:fs/promises";
import { crc32, deflateSync } from "node:zlib";
import { Composer } from "./composer.js";
import { connect, day, expect, followSignUp, newcomer, signUp, test, wall } from "./journey.js";

test.beforeEach(({ watch }) => watch.expects(/status of (409|413|415|422)/));

test("signing up", async ({ visit }) => {
  const page = await visit();
  await page.goto("/sign-up");
  await page.getByLabel("E-mail").fill("ida@example");
  await page.getByRole("button", { name: "Send me the link" }).click();
  await expect(page.getByLabel("E-mail")).toHaveAccessibleDescription(/Enter an e-mail address/);
  await expect(page.getByLabel("E-mail")).toHaveValue("ida@example");
  await followSignUp(page, newcomer());
  await expect(page.getByLabel("Time zone"), "the browser's zone is chosen already").toHaveValue("Europe/Berlin");
  const typed = { "Your name": "Ida Berg", Organization: "Berg & Co" };
  for (const [label, value] of Object.entries(typed)) await page.getByLabel(label).fill(value);
  await page.getByLabel("Time zone").selectOption("Asia/Kathmandu");
  const password = page.getByLabel("Password", { exact: true });
  await password.fill("short");
  await page.getByRole("button", { name: "Sign up" }).click();
  await expect(password).toHaveAccessibleDescription(/at least 8 characters/i);
  await expect(password).toHaveAttribute("aria-invalid", "true");
  await expect(password).toBeFocused();
  for (const [label, value] of Object.entries(typed)) await expect(page.getByLabel(label)).toHaveValue(value);
  await expect(page.getByLabel("Time zone")).toHaveValue("Asia/Kathmandu");
});

test("a time that cannot be, and no account", async ({ page }) => {
  const composer = new Composer(page);
  const words = "The pump is broken, the coffee is not.";
  await composer.open();
  await composer.write(words);

  await composer.press("Schedule");
  await expect(page.getByRole("alert")).toContainText(/account/i);
  await composer.step("Accounts");
  await expect(page.locator("#compose-accounts .field-error")).toBeVisible();
  await composer.step("Write");
  await expect(composer.text).toHaveValue(words);

  await composer.choose("Mastodon");
  await composer.at({ date: day(wall().date, 1), time: "10:30", zone: "Europe/Berlim" });
  await composer.press("Schedule");
  await composer.step("Schedule");
  await expect(composer.foot.getByLabel("Time zone")).toHaveAccessibleDescription(/There is no time zone called "?“?Europe\/Berlim/);
  await expect(composer.foot.getByLabel("Time zone")).toHaveValue("Europe/Berlim");
  await expect(composer.foot.getByLabel("Time", { exact: true })).toHaveValue("10:30");

  await composer.at({ date: day(wall().date, -1), zone: "Europe/Berlin" });
  await composer.press("Schedule");
  await composer.step("Schedule");
  await expect(composer.foot.getByLabel("Time", { exact: true })).toHaveAccessibleDescription(/This time is past/);
  await composer.step("Write");
  await expect(composer.text).toHaveValue(words);
  await composer.step("Accounts");
  await expect(composer.account("Mastodon")).toBeChecked();

  await composer.at({ date: day(wall().date, 1) });
  await composer.press("Schedule");
  await expect(page.locator("#post")).toContainText("Tomorrow, 10:30");
});

test("too long for one network", async ({ page }) => {
  const composer = new Composer(page);
  const words = "The ropes are wet and the tide is high. ".repeat(8).trim();
  await composer.open();
  await composer.choose("X", "Mastodon");
  await composer.write(words);
  await expect(composer.panel.getByText(/The text is \d+ characters too long for X/)).toBeVisible();
  await expect(composer.panel.getByText(/too long for Mastodon/)).toHaveCount(0);
  await composer.press("Schedule");
  await expect(page.getByRole("alert")).toContainText(/too long for X/);
  await composer.step("Write");
  await expect(composer.text).toHaveValue(words);
  await composer.step("Accounts");
  await expect(composer.account("X")).toHaveAccessibleDescription(/1 problem/);
});

test("files that are no pictures, and pictures that are too large", async ({ page }) => {
  const composer = new Composer(page);
  const words = "With a picture, if it wants to.";
  await composer.open();
  await composer.choose("Bluesky", "Mastodon");
  await composer.write(words);
  await composer.attach({ name: "notes.png", mimeType: "image/png", buffer: Buffer.from("These are notes and no picture at all.") });
  const tile = composer.panel.locator("[data-upload-item]");
  await expect(tile.locator(".tile-error")).toHaveText(/.{20,}/);
  await expect(tile).toContainText("notes.png");
  await tile.getByRole("button", { name: "Remove" }).click();

  const noisy = test.info().outputPath("noise.png");
  await writeFile(noisy, noise(2400, 2000));
  await composer.attach(noisy);
  await expect(composer.panel.getByRole("button", { name: /Alt text of noise.png/ })).toBeVisible({ timeout: 30_000 });
  await expect(composer.panel.getByText(/noise\.png.*|The picture.*/).filter({ hasText: /large|MB/ }).first()).toBeVisible();
  await expect(composer.text).toHaveValue(words);
});

test("an account that was disconnected meanwhile", async ({ visit }) => {
  const page = await visit();
  await signUp(page);
  await page.goto("/accounts");
  await connect(page, "Mastodon", "kattegat");
  const composer = new Composer(page);
  await composer.open();
  await composer.choose("Mastodon");
  await composer.write("Is anybody there?");
  await expect(composer.verdict).toHaveText("Ready for 1 account");

  const other = await page.context().newPage();
  await other.goto("/accounts");
  await other.getByRole("button", { name: "Disconnect" }).click();
  await other.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
  await expect(other.locator("#accounts")).toContainText("Disconnected");
  await other.close();

  await composer.at({ date: day(wall().date, 1), time: "10:30" });
  await composer.press("Schedule");
  await expect(page.getByRole("alert")).toContainText(/connect/i);
  await composer.step("Write");
  await expect(composer.text).toHaveValue("Is anybody there?");
  await composer.step("Accounts");
  await expect(composer.account("Mastodon")).toBeChecked();
  await expect(page.getByRole("link", { name: /reconnect/i })).toBeVisible();
});

// noise is a picture that no program makes small: a PNG of random dots.
function noise(width, height) {
  const rows = Buffer.alloc((width * 3 + 1) * height);
  let seed = 1;
  for (let i = 0; i < rows.length; i++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    rows[i] = i % (width * 3 + 1) === 0 ? 0 : seed >>> 24;
  }
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", head),
    chunk("IDAT", deflateSync(rows, { level: 0 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
