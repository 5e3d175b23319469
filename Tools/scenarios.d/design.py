"""The scenarios, the figures that the gate was designed for, and the bars that must hold."""

FLEET = 100_000
RUNS = 400
# A run that reaches the whole fleet takes longer than one that stops.
RUNS_WHOLE = 200


class Scenario:
    """One row: options of `simulate rollout`, and what the design says about it.

    Pairs are mean and 95th percentile of bricked devices; `ends` is stopped, held, completed in
    percent; `hours` is the median until 99 % of the reachable devices have the release.
    """

    def __init__(self, name, options, ours, hawkbit, aws, ends, hours=None, bars=(), whole=False,
                 fleet=FLEET, runs=None):
        self.name = name
        self.options = options.split()
        self.ours, self.hawkbit, self.aws = ours, hawkbit, aws
        self.ends, self.hours = ends, hours
        self.bars = list(bars)
        self.fleet = fleet
        self.runs = runs or (RUNS_WHOLE if whole else RUNS)


# Bars: a figure, `<=` or `>=`, a number. `false` is the share of false stops of healthy firmware.
HEALTHY = ["stopped<=0.5"]
STOPS = ["stopped>=100"]

SCENARIOS = [
    Scenario("healthy, p = 0", "", (0, 0), (0, 0), (0, 0), (0, 0, 100), 67.0,
             HEALTHY + ["completed>=97"], whole=True),
    Scenario("healthy, p = 0.1 %", "--failure-rate 0.1%", (47, None), None, None, (0, 0, 100), 80.2,
             HEALTHY + ["completed>=97", "hours<=80.75", "hoursHigh<=106.75"], whole=True),
    Scenario("at the tolerance, p = 0.5 %", "--failure-rate 0.5%", (28, None), None, None,
             (0.2, 99.8, 0), None, ["stopped<=5"]),
    Scenario("p = 1 %", "--failure-rate 1%", (25.1, 39), (474, 511), (477, 512), (52, 48, 0), None,
             ["high<=45"]),
    Scenario("p = 5 %", "--failure-rate 5%", (6.4, 14), (2375, 2456), (2372, 2449), (100, 0, 0),
             None, STOPS + ["high<=16"]),
    Scenario("p = 30 %", "--failure-rate 30%", (3.5, 9), (14244, 14416), (12692, 14419),
             (100, 0, 0), None, STOPS),
    Scenario("bricks a 2 % model", "--model-brick C", (4.8, 5), (1900, 1916), (1900, 1916),
             (0, 0, 100), None, ["high<=6", "quarantined>=99"], whole=True),
    Scenario("bricks a 0.2 % model", "--model-brick D", (4.8, 5), (190, 194), (190, 194),
             (0, 0, 100), None, ["high<=6", "quarantined>=99"], whole=True),
    Scenario("5 % fail after 6 h", "--late 6h", (7.0, 15.1), (2378, 2453), (2370, 2446),
             (100, 0, 0), None, STOPS + ["high<=20"]),
    Scenario("5 % fail after 24 h", "--late 24h", (49.9, 98), (2376, 2454), (2376, 2455),
             (100, 0, 0), None, STOPS + ["high<=110"]),
    Scenario("20 % never call, p = 0.1 %", "--failure-rate 0.1% --silent 20%", None, None, None,
             (0, 0, 100), 80.2, HEALTHY + ["completed>=97"], whole=True),
    Scenario("outage of 6 h, p = 0.1 %", "--failure-rate 0.1% --outage 6h", None, None, None,
             (0, 0, 100), 80.5, HEALTHY + ["completed>=97"], whole=True),
    Scenario("outage of 6 h, p = 5 %", "--failure-rate 5% --outage 6h", (5.9, 14), (2372, 2454),
             (2314, 2455), (100, 0, 0), None, STOPS + ["high<=16"]),
]

OTHER_FLEETS = [
    Scenario("1,000 devices, p = 0.1 %", "--failure-rate 0.1%", None, None, None, (0, 1, 99), 66.8,
             HEALTHY + ["hours<=67.5", "hoursHigh<=80.75"], fleet=1_000),
    Scenario("1,000 devices, p = 5 %", "--failure-rate 5%", (5.6, 11), (23.4, 31), (23.5, 31),
             (82, 18, 0), None, ["high<=13"], fleet=1_000),
    # The design says 106.75 h; the 95th percentile of 60 runs may be a step of 13.25 h off.
    Scenario("1,000,000 devices, p = 0.1 %", "--failure-rate 0.1%", None, None, None, (0, 0, 100),
             93.5, HEALTHY + ["hours<=94", "hoursHigh<=120.75"], fleet=1_000_000, runs=60),
    Scenario("1,000,000 devices, p = 5 %", "--failure-rate 5%", (5.7, 13), (23753, 24025),
             (23738, 23968), (100, 0, 0), None, STOPS + ["high<=16"], fleet=1_000_000, runs=RUNS_WHOLE),
]
