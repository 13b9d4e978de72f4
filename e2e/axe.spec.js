// Every place of AllIN by the rules of WCAG 2.2 AA, as far as a program can
// judge them, in both themes.
import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "./journey.js";
import { inScheme, places } from "./tour.js";

// More people sign up here in an hour than one address may elsewhere.
test.use({ installation: "places" });

// Frames are left out: the only one shows a mail, which may run no script. Looking
// for them takes as long as all rules do.
const axe = (page) => new AxeBuilder({ page }).setLegacyMode();

const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

for (const place of places) {
  test.describe(() => {
    test.use({ as: place.as });
    test(`${place.name} can be used by everybody`, async ({ page, allin, watch }) => {
      if (place.refused) watch.expects(/status of 4\d\d/);
      await place.go(page, allin);
      await inScheme(page, "light");
      const light = await axe(page).withTags(rules).disableRules(place.menu ? ["target-size"] : []).analyze();
      await inScheme(page, "dark");
      const dark = await axe(page).withRules("color-contrast").analyze();
      expect([...grave("light", light), ...grave("dark", dark)]).toEqual([]);
    });
  });
}

// grave tells what is serious, and on which elements.
function grave(theme, { violations }) {
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => `${theme} ${id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`));
}
