// The composer as a person uses it. On a phone it has three steps.
import { expect, isPhone } from "./journey.js";

export class Composer {
  constructor(page) {
    this.page = page;
    this.verdict = page.locator("#verdict");
    this.foot = page.locator(".compose-foot");
  }

  async open(path = "/posts/new") {
    await this.page.goto(path);
    await expect(this.page.getByRole("heading", { level: 1 })).toHaveText(/New post|Edit post/);
  }

  // step goes to "Accounts", "Write" or "Schedule"; at a desk all of them are there.
  async step(name) {
    if (isPhone(this.page)) await this.page.getByRole("group", { name: "Step" }).getByRole("button", { name }).click();
  }

  account(network) {
    return this.page.getByRole("checkbox", { name: `${network},` });
  }

  async choose(...networks) {
    await this.step("Accounts");
    for (const network of networks) await this.account(network).check();
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
    await this.text.fill(text);
  }

  async attach(file) {
    await this.step("Write");
    await this.panel.getByLabel("Add pictures or a video").setInputFiles(file);
  }

  async at({ date, time, zone }) {
    await this.step("Schedule");
    if (date) await this.foot.getByLabel("Date").fill(date);
    if (time) await this.foot.getByLabel("Time", { exact: true }).fill(time);
    if (zone) await this.foot.getByLabel("Time zone").fill(zone);
  }

  async now() {
    await this.step("Schedule");
    await this.foot.getByText("Now", { exact: true }).click();
    await expect(this.foot.getByRole("radio", { name: "Now" })).toBeChecked();
  }

  async press(name) {
    await this.step(name === "Save draft" ? "Write" : "Schedule");
    await this.foot.getByRole("button", { name, exact: true }).click();
  }
}
