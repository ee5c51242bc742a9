"""test_page.py REPORT RESULTS: the page in Chromium, against the files that it is about. SWITCHYARD_SCREENSHOTS names a
folder for pictures of it, wide and narrow, light and dark."""

import csv
import json
import os
import pathlib
import sys
import time
import unittest
import urllib.parse

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser import Browser

report = pathlib.Path(sys.argv.pop(1)).resolve()
results = pathlib.Path(sys.argv.pop(1)).resolve()


def read(*parts):
    return json.loads(results.joinpath(*parts).read_text())


def number(text):
    """A figure as the page prints it."""
    return float(text.split("[")[0].replace("−", "-").replace(",", "").replace("%", "").strip())


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = Browser()
        cls.leaderboard = read("search", "leaderboard.json")
        cls.study = read("search", "study.json")

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def setUp(self):
        self.browser.look()
        self.browser.open(report)
        self.wait(lambda: self.all(".forest .row") and self.all(".states path.kind"))

    # Ways to look.
    def all(self, selector):
        return self.browser.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        found = self.all(selector)
        self.assertEqual(len(found), 1, selector)
        return found[0]

    def texts(self, selector):
        return self.browser.run("return Array.from(document.querySelectorAll(arguments[0]), e => e.textContent)", selector)

    def wait(self, condition, seconds=10):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "it did not come to pass")
            time.sleep(0.02)

    def press(self, *keys):
        chain = ActionChains(self.browser.driver)
        for key in keys:
            chain.send_keys(key)
        chain.perform()

    def click(self, node):
        """With the pointer, away from the bar at the top."""
        self.browser.run("arguments[0].scrollIntoView({block: 'center'})", node)
        node.click()

    def focus(self, selector):
        self.browser.run("document.querySelector(arguments[0]).focus()", selector)

    def heading(self, table, name):
        for button in self.all(f"{table} th button"):
            if button.text == name:
                return button
        self.fail(f"no column {name} in {self.texts(table + ' th')}")

    def column(self, table, name):
        place = self.texts(f"{table} thead th").index(name) + 1
        return self.texts(f"{table} tbody td:nth-child({place})")

    def whole(self, trials):
        return [trial for trial in trials if trial["num_seeds"] == self.study["num_training_seeds"]
                and "failure" not in trial and "infeasible" not in trial]

    def picked(self):
        return {box.get_attribute("data-policy") for box in self.all(".board input") if box.is_selected()}

    # What the page must be.
    def test_no_errors_and_no_requests(self):
        self.browser.requested()
        self.browser.logged()
        self.browser.open(report)
        for selection in self.all("select, .choice button, th button"):
            self.browser.run("arguments[0].click()", selection)
        time.sleep(0.2)
        self.assertEqual(self.browser.logged(), [])
        self.assertEqual({urllib.parse.urlparse(address).scheme for address in self.browser.requested()} - {"data"}, {"file"})
        self.assertLess(report.stat().st_size, 2_000_000)

    def test_leaderboard_shows_the_figures_of_the_json(self):
        rows = self.leaderboard["rows"]
        self.assertGreater(len(rows), 4)
        self.assertEqual(len(self.all(".board tbody tr")), len(rows))
        self.assertEqual(len(self.all("#search-0 .forest .row")), len([row for row in rows if not row["failure"]]))
        policies = self.texts(".board td.spec > .spec")
        self.assertTrue(all(shown.startswith(row["policy"]) for shown, row in zip(policies, rows)), policies)
        for shown, row in zip(self.column(".board", "mean e2e, s"), rows):
            self.assertAlmostEqual(number(shown), row["held_out"]["value"], delta=6e-4 * row["held_out"]["value"])
        for shown, row in zip(self.column(".board", "vs llq"), rows):
            self.assertAlmostEqual(number(shown), 100 * row["change_against_llq"]["value"], delta=0.051)
        for shown, row in zip(self.column(".board", "e2e p99, s"), rows):
            self.assertAlmostEqual(number(shown), row["metrics"]["p99_e2e_s"], delta=6e-3 * row["metrics"]["p99_e2e_s"])
        best = next(row for row in rows if row["rank"] == 1)
        tiles = self.texts("dl.tiles dd")
        self.assertEqual(tiles[0], best["policy"])
        self.assertAlmostEqual(number(tiles[1].split("95%")[0]), best["held_out"]["value"], places=2)
        self.assertEqual(len(self.all(".forest .bound")) + sum("ound" in text for text in tiles) > 0,
                         bool(self.leaderboard["interference_free_by_seed"]))

    def test_runs_show_the_figures_of_the_json(self):
        runs = sorted(path.parent for path in results.glob("runs/*/summary.json"))
        self.assertEqual(len(self.all(".run-figures tbody tr")), len(runs))
        for column, figure in (("mean e2e, s", "mean_e2e_s"), ("TTFT p99, s", "p99_ttft_s"), ("restarts", "num_restarts")):
            for shown, run in zip(self.column(".run-figures", column), runs):
                value = read(run / "summary.json")[figure]
                self.assertAlmostEqual(number(shown), value, delta=1e-3 * value + 1e-9)
        # The median under the pointer's keys is that of the requests.
        self.browser.run("document.querySelectorAll('.distributions')[1].querySelector('svg[tabindex]').focus()")
        self.press(Keys.ARROW_UP, Keys.ARROW_DOWN)
        self.assertTrue(self.texts("#tip b")[0].startswith("50% of requests"))
        shown = self.texts("#tip .pairs span:nth-child(even)")
        for text, run in zip(shown, runs):
            with open(run / "request_metrics.csv", newline="") as file:
                times = sorted(float(row["request_e2e_time"]) for row in csv.DictReader(file))
            self.assertAlmostEqual(number(text.rstrip("s")), times[(len(times) + 1) // 2 - 1], delta=1e-3 * times[-1])

    def test_sorts_by_pointer_and_by_keyboard(self):
        for table, name in ((".board", "mean e2e, s"), (".board", "restarts"), (".run-figures", "mean TTFT, s")):
            self.click(self.heading(table, name))
            header = self.heading(table, name).find_element(By.XPATH, "..")
            self.assertEqual(header.get_attribute("aria-sort"), "ascending")
            up = [number(text) for text in self.column(table, name)]
            self.assertEqual(up, sorted(up))
            self.heading(table, name).send_keys(Keys.ENTER)
            self.assertEqual(header.get_attribute("aria-sort"), "descending")
            down = [number(text) for text in self.column(table, name)]
            self.assertEqual(down, sorted(up, reverse=True))
        self.click(self.heading(".board", "policy"))
        names = [text for text in self.texts(".board td.spec")]
        self.assertEqual(len(names), len(self.leaderboard["rows"]))
        families = [name.split("(")[0] for name in self.texts(".board td.spec > .spec")]
        self.assertEqual([name[:3] for name in families], sorted(name[:3] for name in families))

    def test_light_and_dark(self):
        backgrounds = []
        for scheme in ("light", "dark"):
            self.browser.look(scheme=scheme)
            self.browser.run("try { localStorage.clear(); } catch (error) {}")
            self.browser.open(report)
            self.assertEqual(self.browser.run("return document.documentElement.dataset.theme"), scheme)
            backgrounds.append(self.browser.run("return getComputedStyle(document.body).backgroundColor"))
        self.assertNotEqual(*backgrounds)
        self.one("#theme").click()
        self.assertEqual(self.browser.run("return document.documentElement.dataset.theme"), "light")
        self.assertEqual(self.browser.run("return getComputedStyle(document.body).backgroundColor"), backgrounds[0])
        self.one("#theme").send_keys(Keys.SPACE)
        self.assertEqual(self.browser.run("return document.documentElement.dataset.theme"), "dark")
        self.browser.run("try { localStorage.clear(); } catch (error) {}")

    def test_text_is_readable_in_both_themes(self):
        for scheme in ("light", "dark"):
            self.browser.run("document.documentElement.dataset.theme = arguments[0]", scheme)
            for selector in ("h1", ".facts", ".note", ".board td.spec .args", "th button", ".forest .row text", ".axis text"):
                ratio = self.browser.run("""
                    const light = colour => {
                      const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
                      return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
                    };
                    const node = document.querySelector(arguments[0]), style = getComputedStyle(node);
                    const ink = light(node instanceof SVGElement ? style.fill : style.color);
                    const paper = light(getComputedStyle(document.querySelector(".card")).backgroundColor);
                    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);""", selector)
                self.assertGreater(ratio, 4.5, f"{selector} in {scheme}")

    def test_keyboard(self):
        self.press(Keys.TAB)
        self.assertEqual(self.browser.run("return document.activeElement.className"), "skip")
        rows = self.texts("#search-0 .forest .row")
        self.focus("#search-0 .forest .row")
        self.press(Keys.ARROW_DOWN)
        label = self.browser.run("return document.activeElement.getAttribute('aria-label')")
        second = [row for row in self.leaderboard["rows"] if not row["failure"]][1]["policy"]
        self.assertTrue(label.startswith(second), label)
        self.assertEqual(len(rows), len(self.all("#search-0 .forest .row")))
        self.wait(lambda: self.one("#tip").is_displayed() and second in self.one("#tip").text)
        before = self.picked()
        self.press(Keys.ENTER)
        self.assertEqual(self.picked() ^ before, {second})
        self.press(Keys.ESCAPE)
        self.wait(lambda: not self.one("#tip").is_displayed())

    def test_chosen_policies_are_drawn(self):
        curves = lambda: len(self.browser.run("return document.querySelector('.distributions').querySelectorAll('path.curve')"))
        self.assertEqual(curves(), 3 * len(self.picked()))
        for box in self.all(".board input"):
            if not box.is_selected():
                self.click(box)
        self.assertEqual(curves(), 3 * len(self.leaderboard["rows"]))
        for box in self.all(".board input"):
            self.click(box)
        self.assertEqual(curves(), 0)
        self.click(self.all(".board input")[0])
        self.assertEqual(curves(), 3)
        self.click(self.one("#search-0 .distributions [data-key=tail]"))
        self.assertIn("0.1%", self.texts(".distributions .axis text"))

    def test_search_history(self):
        trials = [trial for policy in self.study["policies"] for trial in policy["trials"]]
        self.assertGreater(len(trials), 40)
        failed = [trial for trial in trials if "failure" in trial]
        self.assertEqual(len(self.all(".history svg g circle")), len(trials) - len(failed))
        self.assertEqual(len(self.all(".history svg g .failed")), len(failed))
        self.focus(".history svg[tabindex]")
        self.press(*[Keys.ARROW_RIGHT] * len(trials))
        tip = dict(zip(self.texts("#tip .pairs span:nth-child(odd)"), self.texts("#tip .pairs span:nth-child(even)")))
        whole = [trial["value"] for trial in self.whole(trials)]
        self.assertAlmostEqual(number(tip["best so far"]), min(whole), delta=1e-3 * min(whole))
        self.assertEqual(len(self.all(".history path.best")), 1)

    def test_parameters(self):
        choose = self.one(".parameters select")
        for policy in ("hra", "memory_headroom"):
            choose.find_element(By.CSS_SELECTOR, f"option[value={policy}]").click()
            trials = next(entry["trials"] for entry in self.study["policies"] if entry["policy"] == policy)
            names = set(name for trial in trials for name in trial["params"])
            trials = [trial for trial in trials if "failure" not in trial]
            self.assertEqual(len(self.all(".parameters .axis.parallel")), len(names) + 1)
            self.assertTrue(any(text.startswith(f"{len(trials)} of {len(trials)} settings") for text in self.texts(".parameters svg > text")))
        # A range on the first axis keeps some of the lines.
        axis = self.all(".parameters .brush .overlay")[0]
        self.browser.run("arguments[0].scrollIntoView({block: 'center'})", axis)
        ActionChains(self.browser.driver).move_to_element(axis).click_and_hold().move_by_offset(0, 90).release().perform()
        kept = next(int(text.split()[0]) for text in self.texts(".parameters svg > text") if "settings" in text)
        self.assertLess(kept, len(trials))
        self.click(self.one(".parameters header > button"))
        self.assertTrue(any(text.startswith(f"{len(trials)} of") for text in self.texts(".parameters svg > text")))

    def test_suite(self):
        suite = read("suite", "suite.json")
        self.assertEqual(len(suite["rows"]), len(self.all(".suite-figures tbody tr")))
        for shown, row in zip(self.column(".suite-figures", "geometric mean"), suite["rows"]):
            self.assertAlmostEqual(number(shown), row["geometric_mean"]["value"], delta=6e-4)
        for shown, row in zip(self.column(".suite-figures", suite["scenarios"][0]["name"]), suite["rows"]):
            self.assertAlmostEqual(number(shown), row["scenarios"][0]["ratio"]["value"], delta=6e-4)
        self.assertIn(f"constraints {suite['constraints']}", self.one("#suite-0 .facts").text)
        broken = [row["policy"] for row in suite["rows"] if row["infeasible"]]
        self.assertTrue(broken)
        tagged = [text for text in self.column(".suite-figures", "policy") if "breaks" in text]
        self.assertEqual(len(tagged), len(broken))
        self.assertTrue(suite["higher_is_better"])  # so what is below 1 is worse
        ratios = [ratio for row in suite["rows"] for ratio in [row["geometric_mean"], *(s["ratio"] for s in row["scenarios"])]]
        below = sum(ratio["high"] < 1 for ratio in ratios)
        self.assertTrue(below)
        self.assertEqual(len(self.all(".suite-figures .worse")), below)

    def test_validation(self):
        raw = read("validation", "validation.json")
        shown = self.column(".validation-figures", "error")
        errors = [pair["error"] for of in raw["metrics"].values() for pair in of.values()]
        self.assertEqual(len(shown), 12)
        for text, error in zip(shown, errors):
            self.assertAlmostEqual(number(text), 100 * error, delta=0.051)
        self.assertEqual(len(self.all(".validation-curves path[stroke-dasharray='5 3']")), 6)  # three of requests, three of the log
        self.assertEqual(self.texts(".validation-curves svg > text")[0], "mean end-to-end time, s")

    def test_importances(self):
        bars = sum(len(policy["trials"][0]["params"]) for policy in self.study["policies"]
                   if policy["policy"] == "hra" and sum("failure" not in trial for trial in policy["trials"]) >= 10)
        self.assertEqual(bars, 2)
        names = self.texts(".importances text[text-anchor=end]")
        self.assertIn("hra: decode_ratio", names)
        self.assertEqual(len(self.all(".importances rect")), len(names))
        shares = [number(text) for text in self.texts(".importances text.soft")]
        self.assertTrue(all(0 <= share <= 1 for share in shares), shares)

    def test_replicas_over_time(self):
        self.assertEqual(len(self.all(".states path.kind")), 3 * 3)  # replicas, kinds of batches
        whole = self.one(".states header > button:nth-of-type(1)")
        self.assertFalse(whole.is_displayed())
        self.focus(".states svg[tabindex]")
        end = lambda: number([text for text in self.texts(".states .axis text")][-1])
        before = end()
        self.press("+", "+")
        self.assertTrue(whole.is_displayed())
        self.assertLess(end(), before)
        self.press("0")
        self.assertEqual(end(), before)
        drawing = self.one(".states svg[tabindex]")
        self.browser.run("arguments[0].scrollIntoView({block: 'center'})", drawing)
        ActionChains(self.browser.driver).move_to_element(drawing).click_and_hold().move_by_offset(-200, 0).release().perform()
        self.assertTrue(whole.is_displayed())
        self.click(whole)
        self.assertEqual(end(), before)

    def test_text_from_users_stays_text(self):
        name = self.leaderboard["scenario"]
        self.assertIn("<script>", name)
        self.assertEqual(self.texts("h1")[1], name)
        self.assertEqual(self.texts("nav a")[1], name)
        self.assertEqual(self.texts(".kind")[1], f"Search {results / 'search'}")
        self.assertIn(name, self.browser.driver.title)
        for row in self.all(".forest .row, .board tbody tr"):
            ActionChains(self.browser.driver).move_to_element(row).perform()
        self.assertEqual(self.browser.run("return [typeof hacked, document.querySelectorAll('img, b[onmouseover]').length]"),
                         ["undefined", 0])

    def test_fits_a_phone(self):
        for width in (400, 360):
            self.browser.look(width)
            self.browser.open(report)
            self.wait(lambda: self.all(".forest .row"))
            time.sleep(0.3)
            wide = self.browser.run("""
                return [document.documentElement.scrollWidth, ...Array.from(document.querySelectorAll(".card"), card => {
                  const box = card.getBoundingClientRect();
                  return Math.ceil(box.right);
                })]""")
            self.assertLessEqual(max(wide), width)

    def test_licence(self):
        text = self.browser.run("return document.getElementById('licence').textContent")
        self.assertIn("Mike Bostock", text)
        self.assertIn("WARRANTIES", text)

    def test_screenshots(self):
        folder = os.environ.get("SWITCHYARD_SCREENSHOTS")
        if not folder:
            self.skipTest("only with SWITCHYARD_SCREENSHOTS")
        os.makedirs(folder, exist_ok=True)
        for width in (1400, 400):
            for scheme in ("light", "dark"):
                self.browser.look(width, 900, scheme)
                self.browser.open(report)
                time.sleep(0.5)
                self.browser.screenshot(f"{folder}/{width}-{scheme}.png")


if __name__ == "__main__":
    unittest.main()
