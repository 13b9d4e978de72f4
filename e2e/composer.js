// The composer as a person uses it. On a phone it has three steps.
import { press, tick, visit, write } from "./hands.js";
import { expect, isPhone } from "./journey.js";

export class Composer {
  constructor(page) {
    this.page = page;
    this.verdict = page.locator("#verdict");
    this.foot = page.locator(".compose-foot");
  }

  async open(path = "/posts/new") {
    await visit(this.page, path);
    await expect(this.page.getByRole("heading", { level: 1 })).toHaveText(/New post|Edit post/);
  }

  // step goes to "Accounts", "Write" or "Schedule"; at a desk all of them are there.
  async step(name) {
    if (isPhone(this.page)) await press(this.page.getByRole("group", { name: "Step" }).getByRole("button", { name }));
  }

  account(network) {
    return this.page.getByRole("checkbox", { name: `${network},` });
  }

  async choose(...networks) {
    await this.step("Accounts");
    for (const network of networks) await tick(this.account(network));
  }

  tab(name) {
    return this.page.getByRole("tab", { name: new RegExp(`\\b${name}\\b`) });
  }

  // panel is what stands under a network's tab, or under "All".
  get panel() {
    return this.page.locator("#compose-panels").getByRole("tabpanel");
  }

  get text() {
    return this.panel.getByRole("textbox", { name: /^Text \d/ }).first();
  }

  async write(text) {
    await this.step("Write");
    await write(this.text, text);
  }

  async attach(file) {
    await this.step("Write");
    await this.panel.getByLabel("Add pictures or a video").setInputFiles(file);
  }

  async at({ date, time, zone }) {
    await this.step("Schedule");
    if (date) await write(this.foot.getByLabel("Date"), date);
    if (time) await write(this.foot.getByLabel("Time", { exact: true }), time);
    if (zone) await write(this.foot.getByLabel("Time zone"), zone);
  }

  async now() {
    await this.step("Schedule");
    await this.foot.getByText("Now", { exact: true }).click();
    await expect(this.foot.getByRole("radio", { name: "Now" })).toBeChecked();
  }

  async press(name) {
    await this.step(name === "Save draft" ? "Write" : "Schedule");
    await press(this.foot.getByRole("button", { name, exact: true }));
  }
}
