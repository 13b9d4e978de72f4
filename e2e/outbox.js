// The mails that AllIN has written: the demo installation sends none and keeps
// them, and who looks after it reads them in the console.
import { signIn } from "./journey.js";

let outbox; // of this worker's installation: a function that opens a page of its super admin's

// outboxOf makes an installation the one whose mails are read.
export function outboxOf(allin, browser) {
  let page;
  outbox = () => (page ??= superAdmin(allin, browser));
}

async function superAdmin(allin, browser) {
  const page = await browser.newPage({ baseURL: allin.origin });
  await page.goto("/sign-in");
  await signIn(page, allin);
  return page;
}

// mailTo returns the newest mail to an address once it is there, of the kind that is
// asked for: its text, and the path of the first link in it that is for this person only.
export async function mailTo(address, kind = /./) {
  const page = await outbox();
  const found = page.getByRole("row").filter({ hasText: address }).getByRole("link", { name: kind }).first();
  for (let tries = 0; tries < 50; tries++) {
    await page.goto(`/console/mail?q=${encodeURIComponent(address)}`);
    if ((await found.count()) > 0) {
      await found.click();
      const text = await page.getByRole("region", { name: "The mail as text" }).textContent();
      return { text, link: /\/[a-z/-]+\/[\w-]{43}(?![\w-])/.exec(text)?.[0] };
    }
    await page.waitForTimeout(100);
  }
  throw new Error(`no mail to ${address} in the outbox`);
}
