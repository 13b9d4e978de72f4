// The mails that AllIN has written: the demo installation sends none and keeps
// them, and who looks after it reads them in the console.
const links = /\/(?:sign-up|reset|setup|invitations|email\/confirm|email\/undo)\/[\w-]{43}/g;

let allin; // the installation of this worker
let reader; // a page of its super admin's

// outboxOf makes an installation the one whose mails are read.
export function outboxOf(installation) {
  allin = installation;
  reader = undefined;
}

// mailTo returns the newest mail to the address once it is there: its text, and
// the path of the first link in it that opens something.
export async function mailTo(browser, address) {
  reader ??= await superAdmin(browser);
  for (let tries = 0; tries < 50; tries++) {
    await reader.goto(`/console/mail?q=${encodeURIComponent(address)}`);
    const row = reader.locator("#mails li, #mails tr", { hasText: address }).first();
    if ((await row.count()) > 0) {
      const more = row.getByRole("link").first();
      if ((await more.count()) > 0) await more.click();
      const pages = await Promise.all(reader.frames().map((frame) => frame.content()));
      const text = pages.join("\n");
      return { text, link: text.match(links)?.[0] };
    }
    await reader.waitForTimeout(100);
  }
  throw new Error(`no mail to ${address} in the outbox`);
}

async function superAdmin(browser) {
  const context = await browser.newContext({ baseURL: allin.origin });
  const page = await context.newPage();
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(allin.email);
  await page.getByLabel("Password", { exact: true }).fill(allin.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => url.pathname !== "/sign-in");
  return page;
}
