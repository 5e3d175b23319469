// HostileQueries: texts that are no queries, with the column at which each goes wrong.

enum HostileQueries {
  static let all =
    unfinished + operators + types + literals + paths + texts + invisible + comments

  static let unfinished: [(text: String, column: Int)] = [
    ("", 1), (" ", 2), ("\t\n", 3), ("\r\n", 2), ("   \n  ", 7), ("(", 2), (")", 1), ("((", 3),
    ("))", 1), ("(a = 1", 7), ("a = 1)", 6), ("((a = 1)", 9), ("(a = 1))", 8), ("()", 2),
    ("( )", 3), ("not", 4), ("not (", 6), ("not ()", 6), ("a in [1", 8), ("a in 1]", 6),
    ("a in [", 7), ("a in ]", 6), ("a in []", 7), ("a in [,]", 7), ("a in [1,]", 9),
    ("a in [,1]", 7), ("a in [1 2]", 9), ("a in [1,,2]", 9), ("a in (1, 2)", 6), ("a in [(1)]", 7),
    ("a in [[1]]", 7), ("exists(", 8), ("exists()", 8), ("exists(a", 9), ("exists a", 1),
    ("exists(a))", 10), ("exists((a))", 8), ("exists(1)", 8), ("exists('a')", 8), ("version(", 9),
    ("version()", 9), ("version(a", 10), ("version(a)", 11), ("number(a", 9), ("text()", 6),
    ("[a] = 1", 1), ("{a} = 1", 1), ("a[ = 1", 4), ("a[0 = 1", 5), ("a[] = 1", 3), ("a] = 1", 2),
    ("a", 2), ("a =", 4), ("a ==", 5), ("a !=", 5), ("a <", 4), ("a not", 6), ("a not in", 9),
    ("a not like", 11), ("a not = 1", 7), ("a like", 7), ("a in", 5), ("a contains", 11),
    ("a = 1 and", 10), ("a = 1 or", 9), ("and", 1), ("or", 1), ("in", 1), ("like", 1),
    ("and a = 1", 1), ("or a = 1", 1), ("a = 1 and and b = 2", 11), ("a = 1 or or b = 2", 10),
    ("a = 1 and or b = 2", 11), ("a = 1 not b = 2", 7), ("a = 1 b = 2", 7), ("a = 1, b = 2", 6),
    ("a = 1; b = 2", 6), ("= 1", 1), ("= = 1", 1), ("!= 1", 1), ("1", 1), ("'a'", 1), ("1 = 1", 1),
    ("'a' = a", 1), ("5 < a", 1), ("true = true", 6), ("null = a", 1), ("2h < lastSeen", 1),
    ("v'1' = version", 1),
  ]

  static let operators: [(text: String, column: Int)] = [
    ("a === 1", 5), ("a <> 1", 4), ("a => 1", 4), ("a =< 1", 4), ("a = = 1", 5), ("a ! = 1", 3),
    ("!a", 1), ("!a = 1", 1), ("a = 1 && b = 2", 7), ("a = 1 & b = 2", 7), ("a = 1 || b = 2", 7),
    ("a = 1 | b = 2", 7), ("a ~ 'x'", 3), ("a =~ 'x'", 4), ("a ^ 1", 3), ("a + 1 = 2", 3),
    ("a - 1 = 2", 3), ("a * 2 = 4", 3), ("a / 2 = 1", 3), ("a % 2 = 0", 3), ("a is null", 3),
    ("a between 1 and 2", 3), ("a := 1", 3), ("a : 1", 3), ("a ? 1 : 2", 3), ("a.b() = 1", 4),
    ("count(a) = 1", 6), ("lower(a) = 'x'", 6), ("a = b", 5), ("a < b", 5), ("a = (1)", 5),
    ("a = [1]", 5), ("a = {}", 5), ("a = $1", 5), ("a = ?", 5), ("a = @x", 5), ("a = :x", 5),
    ("a = not true", 5), ("a = --1", 5), ("a = +1", 5), ("a = .5", 5), ("a = 5.", 5),
    ("a = - 5", 5),
  ]

  static let types: [(text: String, column: Int)] = [
    ("tags.x < true", 10), ("tags.x = 2h", 10), ("tags.x in ['a', 1]", 17), ("tags.x like 5", 13),
    ("tags.x like true", 13), ("tags.x like null", 13), ("tags.x like a*", 13),
    ("hardware > true", 12), ("state = true", 9), ("group = 1", 9), ("group < 5", 9),
    ("version < 1.10.0", 11), ("version < 5", 11), ("version < 'bookworm'", 11),
    ("version > ''", 11), ("version in [1]", 13), ("version(a) = 'bookworm'", 14),
    ("version(a) < 5", 14), ("version(lastSeen) < '1'", 9), ("number(group) = 1", 8),
    ("number(a) = 'x'", 13), ("number(a) like '1*'", 16), ("text(a) = 1", 11), ("text(a) < 5", 11),
    ("lastSeen = 2h", 12), ("lastSeen != 2h", 13), ("lastSeen < 5", 12), ("lastSeen < '2h'", 12),
    ("lastSeen < '2026-01-31'", 12), ("lastSeen like '2026*'", 15), ("lastSeen = true", 12),
    ("lastSeen in [2h]", 14), ("lastSeen in [1]", 14), ("lastSeen contains 1", 10),
    ("createdAt < 30%", 13), ("a < true", 5), ("a >= false", 6), ("a < null", 5), ("a > null", 5),
    ("a in [null]", 7), ("a in [true]", 7), ("a in [true, false]", 7), ("a in [1, 'b']", 10),
    ("a in ['b', 1]", 12), ("a in [1, 2, 3, v'4']", 16), ("a in [2h, 3h]", 7), ("a in [2h, 5]", 7),
    ("a = 2h", 5), ("a != 5m", 6), ("a contains null", 12), ("a contains 2h", 12),
    ("a contains 2026-01-31T00:00:00Z", 12), ("a contains [1]", 12), ("a contains b", 12),
    ("battery.percent < 2h", 19), ("battery.percent = 'x'", 19), ("battery.percent like '2*'", 22),
    ("battery.percent = true", 19), ("battery.charging = 1", 20), ("battery.charging < true", 20),
    ("inUse = 'true'", 9), ("inUse = yes", 9), ("network.metered in [1]", 21),
    ("storage.freeBytes < 2d", 21), ("network.type < 5", 16), ("reported.version = 5", 20),
    ("desired.version > 1", 19),
  ]

  static let literals: [(text: String, column: Int)] = [
    ("version < v''", 11), ("version < v'x'", 11), ("version < v\"1..2\"", 11),
    ("version < v'1.2-'", 11), ("version < v'1 2'", 11), ("version < v'1.2.3.4.5.6.7.8.9'", 11),
    ("version < v1.2", 11), ("version < V'1.2'", 11), ("version < v '1.2'", 11),
    ("version < v'1.2", 12), ("version < v'\\x'", 13), ("a = 1e999999", 5), ("a = -1e999999", 5),
    ("a = 1e-999999", 5), ("a = 1e401", 5), ("a = 1e99999999999999999999999999", 5), ("a = 00", 5),
    ("a = 007", 5), ("a = 0x10", 5), ("a = 1_000", 5), ("a = 1,000", 6), ("a = 1.2.3", 5),
    ("a = 1e", 5), ("a = 1e+", 5), ("a = 1.e5", 5), ("a = 12abc", 5), ("a = NaN", 5),
    ("a = Infinity", 5), ("a = -Infinity", 5),
    ("a = 99999999999999999999999999999999999999999999999999999999999999999", 5), ("a = 101%", 5),
    ("a = -1%", 5), ("a = 100.0001%", 5), ("a = 5 %", 7), ("a = %5", 5), ("a = 5%%", 7),
    ("lastSeen < 5y", 12), ("lastSeen < 5min", 12), ("lastSeen < h", 12), ("lastSeen < 2H", 12),
    ("lastSeen < 1h 30m", 15), ("lastSeen < 1.5h", 12), ("lastSeen < -2h", 12),
    ("lastSeen < 3651d", 12), ("lastSeen < 99999999999999999999d", 12),
    ("lastSeen < 999999999999d", 12), ("lastSeen < 2026-01-31", 12),
    ("lastSeen < 2026-01-31T00:00", 12), ("lastSeen < 2026-01-31T00:00:00", 12),
    ("lastSeen < 2026-02-30T00:00:00Z", 12), ("lastSeen < 2026-13-01T00:00:00Z", 12),
    ("lastSeen < 2026-01-31T25:00:00Z", 12), ("lastSeen < 1969-12-31T23:59:59Z", 12),
    ("lastSeen < 1970-01-01T00:00:00+01:00", 12), ("lastSeen < 9999-12-31T23:59:59-01:00", 12),
    ("lastSeen < 2026-01-31 00:00:00Z", 12), ("lastSeen < today", 12), ("lastSeen < now()", 12),
    ("lastSeen < now - 2h", 12),
  ]

  static let paths: [(text: String, column: Int)] = [
    (". = 1", 1), (".a = 1", 1), ("a. = 1", 4), ("a..b = 1", 3), ("a.b. = 1", 6), ("tags = 1", 6),
    ("tags. = 'x'", 7), ("tags = null", 6), ("tags[0] = 'x'", 5), ("desired = 1", 9),
    ("reported = 1", 10), ("reported. = 1", 11), ("reported[0] = 1", 9), ("exists(reported)", 16),
    ("device.x = 1", 7), ("version.major = 1", 8), ("group[0] = 'a'", 6), ("lastSeen.x = 1", 9),
    ("a[-1] = 1", 3), ("a[1.5] = 1", 3), ("a[1e0] = 1", 3), ("a[x] = 1", 3), ("a['x'] = 1", 3),
    ("a[10000] = 1", 3), ("a[99999999999999999999] = 1", 3), ("a[0 1] = 1", 5), ("a.0 = 1", 3),
    ("a.'' = 1", 3), ("'a'.b = 1", 1), ("a.*.b = 1", 3), ("a.%.b = 1", 3), ("a/b = 1", 2),
    ("$.a = 1", 1), ("a b = 1", 3), ("select = 1", 1), ("limit = 4", 1), ("and = 1", 1),
    ("not = 1", 5), ("in in [1]", 1), ("contains contains 1", 1), ("exists = 1", 1),
    ("null = 1", 1), ("a.b.c.d.e.f.g.h.i = 1", 1), ("a[0][0][0][0][0][0][0][0][0] = 1", 1),
  ]

  static let texts: [(text: String, column: Int)] = [
    ("a = '", 5), ("a = \"", 5), ("a = 'b", 5), ("a = \"b", 5), ("a = 'b\"", 5), ("a = \"b'", 5),
    ("a = 'b''c'", 8), ("a = 'it's'", 9), ("a = '\\", 5), ("a = '\\'", 5), ("a = '\\x'", 6),
    ("a = '\\u'", 6), ("a = '\\u{}'", 6), ("a = '\\u{110000}'", 6), ("a = '\\u{d800}'", 6),
    ("a = '\\u{1234567}'", 6), ("a = '\\u{12'", 6), ("a = '\\u00e9'", 6), ("a = '\\*'", 6),
    ("a like '\\d'", 9), ("a like '\\", 8), ("a = `b`", 5), ("a = b'x'", 5), ("a = 'x' 'y'", 9),
    ("a = 'x'y", 8), ("device = dev 7", 10), ("tags.x = berlin mitte", 10),
    ("tags.x = berlin and true", 10),
  ]

  static let invisible: [(text: String, column: Int)] = [
    ("\u{0}", 1), ("a\u{0} = 1", 2), ("a = \u{0}", 5), ("a = '\u{0}'", 6), ("a = 'b\u{7}c'", 7),
    ("a = 'b\nc'", 7), ("a = 'b\tc'", 7), ("a = 'b\u{1b}[31mc'", 7), ("a = 'b\u{7f}c'", 7),
    ("\u{1b}[2J", 1), ("a = 1\u{b}", 6), ("a = 1\u{c}", 6), ("a = 1\u{0} or true", 6),
    ("\u{feff}a = 1", 1), ("a = 1\u{8}\u{8}", 6), ("a\u{a0}= 1", 2), ("a =\u{2003}1", 4),
    ("a\u{200b} = 1", 2), ("a = '\u{200b}'", 6), ("a = '\u{202e}x'", 6), ("a = '\u{2066}x'", 6),
    ("a = '\u{a0}'", 6), ("a = '\u{2028}'", 6), ("a = '\u{e000}'", 6), ("a = '\u{fffe}'", 6),
    ("\u{430} = 1", 1), ("d\u{435}vice = 'x'", 2), ("hardw\u{430}re = 'x'", 6), ("a \u{ff1d} 1", 3),
    ("a = \u{ff11}", 5), ("a = \u{661}", 5), ("a = \u{201c}b\u{201d}", 5),
    ("a = \u{2018}b\u{2019}", 5), ("a = \u{ab}b\u{bb}", 5), ("a \u{2260} 1", 3),
    ("a \u{2264} 1", 3), ("a \u{2265} 1", 3), ("a = 1 \u{2227} b = 2", 7), ("\u{e9} = 1", 1),
    ("a = \u{1f600}", 5), ("a = 'x'\u{301} and", 8), ("a = 5\u{20ac}", 6), ("a\u{301} = 1", 2),
    ("a = 1 \u{ff41}nd b = 2", 7), ("tru\u{435}", 4),
  ]

  static let comments: [(text: String, column: Int)] = [
    ("a = 1 -- x", 7), ("a = 1 # x", 7), ("a = 1 // x", 7), ("a = 1 /* x */", 7),
    ("/* x */ a = 1", 1), ("-- x", 1), ("# x", 1), ("//", 1), ("a = 1; drop table devices", 6),
    ("a = '1' or '1' = '1'", 12), ("a = 1 or 1 = 1", 10), ("' or ''='", 1), ("\" or \"\"=\"", 1),
    ("'; drop table devices; --", 1), ("a = 1 union select *", 7), ("a = 1 union all", 7),
    ("${jndi:ldap://x}", 1), ("{{7*7}}", 1), ("a = ${x}", 5), ("a = $(id)", 5), ("a = `id`", 5),
    ("<script>alert(1)</script>", 1), ("a = <script>", 5), ("../../etc/passwd", 1), ("a = %27", 5),
    ("%00", 1), ("a = \\u0027", 5), ("\\", 1), ("\\\\", 1), ("a \\ b", 3), ("\"a\" = 1", 1),
    ("a = 1\\n", 6), ("a = 1 group by hardware", 7), ("a = 1 order by a", 7), ("a = 1 limit 5", 7),
    ("a = 1 select a", 7), ("group by hardware", 7), ("select *", 1), ("limit 5", 1),
    ("order by a", 7), ("a = 1 group", 7), ("a = 1 order", 7), ("a = 1 where b = 2", 7),
    ("where a = 1", 7), ("hardware=board-a,", 10), (",hardware=board-a", 1),
    ("hardware=board-a,,tag.x=1", 10), ("hardware=", 10), ("=board-a", 1), ("hardware=board a", 10),
    ("hardware=board-a;tag.x=1", 10), ("hardware=board-a and tag.x=1", 10), ("tag.=x", 1),
    ("tag=x", 5), ("attr.=x", 1), ("tag.x='y'", 1), ("colour=red", 8),
    ("hardware=board-a,colour=red", 10), ("hardware==board-a", 11), ("hardware=board-a, a=1", 10),
    ("version=1.2 and true", 9), ("tag.x=y=z", 1), ("(((((((((((((((((a = 1)))))))))))))))))", 17),
    ("not not not not not not not not not not not not not not not not not a = 1", 65),
  ]
}
