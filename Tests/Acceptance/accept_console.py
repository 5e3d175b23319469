"""The console in a real browser, against a real server, while rollouts go on.

Expects GROUNDSWELL_SERVER and GROUNDSWELL_TOKEN, and the program, the number of devices and the
names of a good and a bad release as arguments. Everything is read from the page's own elements.
"""
import json, os, subprocess, sys, time
from browser import Browser

program, devices, good, bad = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
server, token = os.environ["GROUNDSWELL_SERVER"], os.environ["GROUNDSWELL_TOKEN"]
shots = os.environ.get("GROUNDSWELL_SCREENSHOTS")

# What a person sees; a hidden element has no words.
PAGE = """(() => {
  const seen = (node) => (node && node.checkVisibility() ? node.innerText.trim() : "");
  const text = (id) => seen(document.getElementById(id));
  const list = (id) => [...document.getElementById(id).children].map(seen);
  return {
    url: location.href, title: document.title, mark: window.mark || 0, tenant: text("tenant"),
    devices: text("devices"), heard: text("heard"), link: text("link-text"),
    form: text("sign-in"), trouble: text("sign-in-trouble"), board: !!text("board"),
    name: text("rollout-name"), release: text("release"), status: text("status"),
    reason: text("reason"), stop: text("stop"), share: text("share"), reach: text("reach"),
    stages: list("stages"), legend: list("legend"), versions: list("versions"),
    widths: [...document.querySelectorAll("#versions .track i")].map((bar) => bar.style.width),
    strata: list("strata"), tolerated: text("tolerated"), control: text("control"),
    timeline: list("timeline"), rollouts: list("rollouts"),
    bands: [...document.querySelectorAll("#swell path")].filter((path) => path.getAttribute("d")).length,
    storage: JSON.stringify(sessionStorage),
  };
})()"""


def require(truth, what, page=None):
    if truth:
        print("console: " + what)
        return
    print("console: FAILED: " + what, file=sys.stderr)
    if page:
        print(json.dumps(page, indent=1), file=sys.stderr)
    shoot("failed")
    raise SystemExit(1)


def shoot(name):
    if shots:
        os.makedirs(shots, exist_ok=True)
        browser.screenshot(os.path.join(shots, name + ".png"))


def look():
    return browser.evaluate(PAGE)


def wait(seconds, is_so):
    """Looks until the page is so, at most for a time; the last look."""
    deadline = time.monotonic() + seconds
    while True:
        page = look()
        if is_so(page) or time.monotonic() > deadline:
            return page
        time.sleep(0.15)


def run(*words):
    subprocess.run([program, *words], check=True, stdout=subprocess.DEVNULL)


def roll_out(name, release):
    run("rollout", "create", name, "--release", release, "--policy", "standard",
        *(word for setting in (
            "canary.soak=3s", "gate.soak=3s", "retry.backoff=2s", "retry.maximum=4s",
            "retry.attempts=2", "timeouts.reboot=10s") for word in ("--set", setting)), "--start")


def refusal():
    browser.open(server + "/#token=wrong")
    page = wait(15, lambda page: page["trouble"])
    require("does not accept this token" in page["trouble"] and page["form"] and not page["board"],
            "a wrong token leads to the sign-in form", page)
    require("wrong" not in page["url"], "a refused token leaves the address bar too", page)
    shoot("sign-in")
    # The browser itself reports the refusal, which also proves that complaints get here.
    require(any("401" in line for line in browser.trouble), "the browser reports the refusal")
    rest = [line for line in browser.trouble if "401" not in line]
    require(not rest, "no complaint but the refusal %s" % rest)
    browser.trouble.clear()


def arrival():
    browser.open("about:blank")
    browser.open(server + "/#token=" + token)
    page = wait(15, lambda page: page["devices"] == str(devices))
    require(page["tenant"] == "DEFAULT", "the tenant is named", page)
    require(page["devices"] == str(devices), "%d devices are counted" % devices, page)
    require(page["link"] == "live", "the page listens", page)
    require(token not in page["url"], "the token is gone from the address bar", page)
    require("A calm sea" in page["name"], "a fleet without rollouts is told so", page)
    require(any("1.0.0" in row and "100%" in row for row in page["versions"]),
            "all devices are on 1.0.0", page)
    shoot("calm")
    # A reload of the page would lose it.
    browser.evaluate("window.mark = 1")


def follow(name, ending, mid):
    """Watches a rollout to its end; what was seen on the way."""
    seen, shot = [], False
    deadline = time.monotonic() + 45
    while time.monotonic() < deadline:
        page = look()
        if page["name"] == name:
            seen.append(page)
            if not shot and mid(page):
                shot = True
                shoot(name + "-middle")
            if page["status"] == ending:
                break
        time.sleep(0.15)
    require(seen and seen[-1]["status"] == ending, "%s is %s" % (name, ending), (seen or [look()])[-1])
    require(all(page["mark"] == 1 for page in seen), "the page was never loaded again")
    return seen


def different(seen, key):
    return len({json.dumps(page[key]) for page in seen})


def success():
    roll_out("good", good)
    seen = follow("good", "completed", lambda page:
                  int(page["reach"].split()[0]) * 4 > devices and "in progress" in " ".join(page["legend"]))
    for key, least in (("stages", 4), ("reason", 3), ("share", 3), ("versions", 3), ("legend", 3)):
        require(different(seen, key) >= least, "%d different %s came in" % (different(seen, key), key), seen[-1])
    words = [" ".join(page["stages"]) for page in seen]
    for state in ("open", "soaking", "passed", "closed"):
        require(any(state in line for line in words), "a stage was %s" % state, seen[-1])
    require(any(page["status"] == "running" and page["reason"] for page in seen),
            "a running rollout gives its reason", seen[-1])
    version = good.split(":")[1]
    page = wait(10, lambda page: len(page["timeline"]) > 5 and "completed" in page["timeline"][0]
                and page["widths"][:1] == ["100%"])
    require(page["share"] == "100%" and page["reach"] == "%d of %d updated" % (devices, devices),
            "all devices are updated", page)
    require(page["reason"].startswith("%d of %d devices proved" % (devices, devices)), page["reason"], page)
    require(page["release"] == good.replace(":", " "), "the release is named", page)
    require(len(page["versions"]) == 1 and version in page["versions"][0] and "target" in page["versions"][0]
            and page["widths"] == ["100%"], "one bar is left in the picture of versions", page)
    require("completed" in page["timeline"][0] and len(page["timeline"]) > 5,
            "the timeline tells %d things, the end first" % len(page["timeline"]), page)
    require(any("waiting" in " ".join(page["strata"]) and "heard" in page["control"] for page in seen),
            "while a step waits its stratum says so, and the control is heard")
    others = devices - 6
    require(len(page["strata"]) == 1 and "%d of %d" % (others, others) in page["strata"][0]
            and "all open" in page["strata"][0] and "%" in page["strata"][0],
            "the stratum is open as a whole, with its bound: " + page["strata"][0], page)
    require("0.5%" in page["tolerated"], "the page says what is tolerated", page)
    require(page["bands"] >= len(page["stages"]), "the swell is drawn", page)
    require(page["title"].startswith("100% good"), "the title tells how far it is", page)
    time.sleep(1)
    shoot("good-completed")


def failure():
    roll_out("bad", bad)
    seen = follow("bad", "rolled back", lambda page: page["status"] == "rolling back")
    page = wait(10, lambda page: page["timeline"] and "back" in page["timeline"][0])
    require(page["stop"], "a stopped rollout says why: " + page["stop"], page)
    require("failed" in " ".join(different_words(seen)), "failures were shown", page)
    require("stopped" in page["stages"][0] and " back" in page["stages"][0], "the stopped stage says so", page)
    require(page["strata"] and "not reached" in page["strata"][0], "nobody but canaries was reached", page)
    require(page["share"] == "100%" and page["reach"].endswith("back"), "every device is back", page)
    require(len(page["rollouts"]) == 2, "both rollouts are listed", page)
    time.sleep(1)
    shoot("bad-rolled-back")


def different_words(seen):
    return [line for page in seen for line in page["legend"] + page["stages"]]


def other_sights():
    browser.evaluate("document.querySelectorAll('#rollouts button')[1].click()")
    page = wait(5, lambda page: page["name"] == "good")
    require(page["name"] == "good" and "#rollout=" in page["url"], "a click shows another rollout", page)
    browser.scheme("dark")
    time.sleep(1)
    shoot("dark")
    browser.evaluate("document.querySelectorAll('#rollouts button')[0].click()")
    time.sleep(1)
    shoot("dark-rolled-back")
    browser.scheme("light")
    browser.size(390, 844, 2, True)
    time.sleep(1)
    overflow = browser.evaluate("document.documentElement.scrollWidth - innerWidth")
    require(overflow <= 0, "nothing sticks out of a phone", {"overflow": overflow})
    shoot("phone")
    browser.evaluate("document.getElementById('leave').click()")
    page = look()
    require(page["form"] and not page["board"] and token not in page["storage"],
            "signing out forgets the token", page)


browser = Browser()
try:
    browser.size(1280, 900)
    browser.scheme("light")
    for part in (refusal, arrival, success, failure, other_sights):
        part()
    require(not browser.trouble, "the browser has nothing to complain about %s" % browser.trouble)
finally:
    browser.close()
