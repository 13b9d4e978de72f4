// The mails that AllIN has sent, or would have: who looks after the installation
// reads them on the console.
import { expect, request } from "@playwright/test";

// mailTo waits for a mail to the address and returns the newest one's words.
export async function mailTo(allin, address) {
  // What is no browser says by itself where it comes from.
  const console = await request.newContext({ baseURL: allin.origin, extraHTTPHeaders: { "Sec-Fetch-Site": "same-origin" } });
  try {
    const signedIn = await console.post("/sign-in", { form: { email: allin.email, password: allin.password } });
    expect(signedIn.ok(), "the demo person signs in").toBe(true);
    let words = "";
    await expect.poll(async () => (words = await newest(console, address)), { message: `a mail to ${address}`, timeout: 15_000 }).not.toBe("");
    return words;
  } finally {
    await console.dispose();
  }
}

async function newest(console, address) {
  const list = await (await console.get("/console/mail")).text();
  for (const [, path] of list.matchAll(/href="(\/console\/mail\/[0-9a-f-]{36})"/g)) {
    const words = plain(await (await console.get(path)).text());
    if (words.includes(address)) return words;
  }
  return "";
}

// plain is what a page says, without its markup.
const plain = (html) =>
  html
    .replace(/<(script|style)[\s\S]*?<\/\1>/g, "")
    .replace(/<[^>]+>/g, " ")
    .replace(/&#34;|&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&");
