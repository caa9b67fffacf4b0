"""Small templates, one feature each, and the JSON variables they are rendered with.

`Scripts/generate-template-snippets.py` renders them with jinja2 and writes the file that the Swift tests compare with.
"""

DATA = {
    "n": 7,
    "f": 2.5,
    "s": "Hello, World",
    "u": "naïve café 日本語 😀",
    "e": "",
    "t": True,
    "no": None,
    "xs": [3, 1, 2],
    "names": ["bob", "Alice", "carol", "alice"],
    "d": {"b": 1, "a": 2, "C": 3},
    "users": [
        {"name": "bob", "age": 30, "tags": ["x", "y"], "active": True},
        {"name": "Amy", "age": 25, "tags": [], "active": False},
        {"name": "cat", "age": 30, "tags": ["z"], "active": True},
    ],
    "tool": {"type": "function", "function": {"name": "get", "parameters": {"properties": {"q": {"type": "string"}}}}},
    "items": [1, 2],
}

# Rendered with DATA.
SNIPPETS = r"""
{{ n }}|{{ f }}|{{ s }}|{{ t }}|{{ no }}|{{ missing }}
{{ xs }} {{ d }} {{ users[0] }}
{{ [1, 'a', "it's", None, True, 1.0, (1,), (), {'k': [1]}] }}
{{ u }} {{ [u] }} {{ ['\n\t\\\'"'] }} {{ ['\x07\x7f\xa0\u200b'] }}
{{ 'a' 'b' "c" }} {{ 'tab\there' }} {{ '\u00e9\x41\101\q\'' }} {{ "\U0001F600" }}
{{ 1 + 2 * 3 - 4 }} {{ 7 / 2 }} {{ 7 // 2 }} {{ 7 % 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7 // -2 }}
{{ 7.5 // 2 }} {{ -7.5 // 2 }} {{ 7.5 % 2 }} {{ -7.5 % 2 }} {{ 1e3 }} {{ 1.5e-7 }} {{ 1e16 }} {{ 123456789012345680.0 }} {{ 0.1 + 0.2 }} {{ 1/3 }}
{{ 100000000000000000000.0 }} {{ 1e22 }} {{ 1e-5 }} {{ 0.0001 }} {{ 5e-324 }} {{ 1.7976931348623157e308 }} {{ -0.0 }} {{ 1e15 }} {{ 9007199254740993.0 }}
{{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1_000_000 }} {{ 1_0.5 }} {{ 12e2 }}
{{ -2 ** 2 }} {{ 2 ** 3 ** 2 }} {{ -1|abs }} {{ +5 }} {{ - -5 }} {{ true + true }} {{ 1.0 * true }}
{{ 'ab' * 3 }} {{ 3 * 'ab' }} {{ [1] * 2 }} {{ [1] + [2] }} {{ (1, 2) + (3,) }} {{ 'a' * -1 }}|
{{ 'a' ~ 1 ~ none ~ missing ~ 2.0 ~ [1] }}
{{ 'n: %d, s: %s, f: %.2f, %5d|%-5d|%05d, %x, %%' % (1, 'x', 1.005, 42, 42, 42, 255) }}
{{ '%s' % 'a' }} {{ '%r' % 'a' }} {{ '%+d % d' % (3, 4) }} {{ '%(a)s-%(b)03d' % {'a': 'x', 'b': 7} }} {{ '%.3s|%6.2f' % ('abcdef', 3.14159) }}
{{ '{} and {}'.format(1, 'b') }} {{ '{1}{0} {{x}} {n}'.format('a', 'b', n=3) }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 1 != 2 }} {{ true == 1 }} {{ 'a' == 1 }} {{ none == none }} {{ missing == missing2 }}
{{ 'ell' in s }} {{ 'x' not in s }} {{ 3 in xs }} {{ 'a' in d }} {{ 1 in missing }} {{ '' in '' }} {{ 1 not in (1, 2) }} {{ 'a' in d.keys() }} {{ 2 in d.values() }}
{{ t and n }} {{ e or 'x' }} {{ not t }} {{ not not n }} {{ none or 0 or '' or 'z' }} {{ 1 and 0 and 2 }} {{ t and not e }}
{{ 'y' if t else 'n' }} {{ 'y' if e else 'n' }} {{ 'y' if e }}| {{ 'a' if no else 'b' if no else 'c' }} {{ (1 if t else 2) + 1 }}
{{ {'a': {'b': [10, 20]}}.a.b[1] }} {{ d['b'] }} {{ d.C }} {{ xs[-1] }} {{ xs[99] }}| {{ s[0] }} {{ s[-1] }} {{ u[2] }} {{ u[-1] }} {{ xs.0 }} {{ users.0.name }}
{{ s[1:4] }} {{ s[::-1] }} {{ s[-5:] }} {{ s[::2] }} {{ xs[1:] }} {{ xs[:-1] }} {{ u[:4] }} {{ u[-3:] }} {{ u[::-1] }} {{ xs[::-1] }} {{ xs[5:1] }} {{ s[10:2:-3] }} {{ (1,2,3)[1:] }} {{ xs[none:2] }}
{{ d.items() }} {{ d.keys() }} {{ d.values() }} {{ d.items()|list }} {{ d.get('b') }} {{ d.get('zz') }} {{ d.get('zz', 5) }} {{ d.copy() }}
{{ d.missing is defined }} {{ d['items'] is defined }} {{ d.items is defined }} {{ d.items is mapping }} {% if d.items %}method{% endif %}
{{ tool.function.parameters.properties.items() | list }} {{ tool.function['name'] }} {{ tool['function'].name }}
{{ items }} {{ items|sum }} {{ dict(a=1, b=2) }} {{ dict({'x': 1}, y=2) }} {{ dict([('p', 1)]) }}
{% for x in xs %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}
{% for x in xs %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}
{% for x in xs %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {{ loop.previtem is defined }}{{ loop.nextitem is defined }};{% endfor %}
{% for x in [] %}a{% else %}empty{% endfor %} {% for x in missing %}a{% else %}undefined{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %} {% for k in d %}{{ k }}{% endfor %} {% for k, v in d|items %}{{ k }}{{ v }}{% endfor %} {% for k, v in d|dictsort %}{{ k }}{{ v }}{% endfor %}
{% for x in xs if x > 1 %}{{ loop.index }}:{{ x }}/{{ loop.length }} {% endfor %} {% for x in xs if x > 9 %}{% else %}none{% endfor %}
{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for x in [1, 2] %}{% break %}{% else %}else{% endfor %} {% for x in [1, 2] %}{% continue %}{% else %}else{% endfor %} {% for x in [1, 2] %}{% if x == 2 %}{% break %}{% endif %}{% else %}else{% endfor %}
{% for a in [1, 2] %}{% for b in [3, 4] %}{{ loop.index }}{{ a }}{{ b }} {% endfor %}{{ loop.index }}|{% endfor %}
{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %} {% for c in 'aé😀' %}[{{ c }}]{% endfor %} {% for a, b in ['xy', 'zw'] %}{{ b }}{{ a }}{% endfor %}
{% for x in xs %}{{ loop.cycle('odd', 'even') }} {% endfor %} {% for x in [1, 1, 2] %}{{ loop.changed(x) }} {% endfor %}
{% set ns = namespace(done=false) %}{% for x in xs if not ns.done %}{{ x }}{% set ns.done = true %}{% endfor %}
{% set ns = namespace(done=false) %}{% for x in xs if not ns.done %}{{ x }}{{ loop.last }}{% set ns.done = true %}{% endfor %}
{% for n in [{'v': 1, 'c': [{'v': 2, 'c': []}]}] recursive %}{{ n.v }}@{{ loop.depth }}{% if n.c %}({{ loop(n.c) }}){% endif %}{% endfor %}
{% for x in 1, 2, 3 %}{{ x }}{% endfor %} {% for x in (1,) %}{{ x }}{% endfor %} {% for x in xs|sort %}{{ x }}{% endfor %} {% for x in xs + [9] %}{{ x }}{% endfor %}
{% set x = 1 %}{% for i in xs %}{{ x }}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}
{% set ns = namespace(total=0) %}{% for i in xs %}{% set ns.total = ns.total + i %}{% endfor %}{{ ns.total }} {{ ns.nothing is defined }}
{% set a, b = 1, 2 %}{{ a }}{{ b }} {% set (c, d2) = [3, 4] %}{{ c }}{{ d2 }} {% set t2 = 1, %}{{ t2 }} {% set z %}block {{ n }}{% endset %}[{{ z }}] {% set w | upper | trim %} up {% endset %}[{{ w }}]
{% if n > 5 and s is string %}a{% elif n > 3 %}b{% else %}c{% endif %}{% if n < 5 %}a{% elif n < 8 %}b{% else %}c{% endif %}{% if no %}a{% elif e %}b{% else %}c{% endif %}
{% if false %}{% set q = 1 %}{% endif %}{{ q is defined }} {% if true %}{% set q = 1 %}{% endif %}{{ q }}
{% macro hi(name, greeting='Hello', punct="!") %}{{ greeting }}, {{ name }}{{ punct }}{% endmacro %}{{ hi('Bob') }} {{ hi('Al', punct='?') }} {{ hi(name='X', greeting='Yo') }} {{ hi() }}
{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }} {% macro v() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ v(1, 2, x=3) }} {{ m.name }}
{% macro fact(k) %}{% if k <= 1 %}1{% else %}{{ k * fact(k - 1)|int }}{% endif %}{% endmacro %}{{ fact(10) }}
{% macro outer() %}<{{ caller('x') }}>{% endmacro %}{% call(v) outer() %}body {{ v }} {{ n }}{% endcall %} {% macro o2() %}[{{ caller() }}]{% endmacro %}{% call o2() %}in{% endcall %}
{% macro late() %}{{ g }}{% endmacro %}{{ late() }}|{% set g = 'G' %}{{ late() }}
{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}|{{ a }} {% with %}{% set q = 5 %}{{ q }}{% endwith %}{{ q }}|
{% filter upper %}abc {{ s }}{% endfilter %} {% filter replace('a', 'b') | upper %}banana{% endfilter %}
{% raw %}{{ not rendered }} {% if %}{% endraw %}|{%- raw -%} {{ x }} {%- endraw -%} | {# comment #}x{#- c -#} y
{% generation %}gen {{ n }}{% endgeneration %}
{{ s|upper }} {{ s|lower }} {{ s|title }} {{ 'hello wORLD-foo (bar) [baz]'|title }} {{ 'hELLO'|capitalize }} {{ '  x  '|trim }} {{ 'xxaxx'|trim('x') }} {{ s|replace('l', 'L') }} {{ s|replace('l', 'L', 1) }} {{ 'aaa'|replace('', '-') }} {{ 'aaa'|replace('', '-', 2) }} {{ 12|replace(1, 3) }}
{{ u|upper }} {{ 'ÀÉÎÕÜ'|lower }} {{ 'straße'|upper }} {{ 'ελλάδα'|upper }} {{ 'привет мир'|title }} {{ 'ПРИВЕТ'|lower }} {{ 'ÿžő'|upper }} {{ 'École'|lower }} {{ 'ñandú'|capitalize }}
{{ xs|length }} {{ s|length }} {{ u|length }} {{ d|count }} {{ missing|length }} {{ d.items()|length }} {{ e|length }}
{{ xs|first }} {{ xs|last }} {{ s|first }} {{ u|last }} {{ []|first }}| {{ []|last is defined }} {{ d|first }} {{ d.items()|first }}
{{ xs|join }} {{ xs|join(', ') }} {{ users|join('-', attribute='name') }} {{ missing|join }}| {{ 'abc'|join('.') }} {{ d|join(',') }} {{ [1, none, 2.5]|join(' ') }}
{{ xs|sort }} {{ xs|sort(reverse=true) }} {{ names|sort }} {{ names|sort(case_sensitive=true) }} {{ users|sort(attribute='age')|map(attribute='name')|list }} {{ users|sort(attribute='age,name', reverse=true)|map(attribute='name')|join(' ') }}
{{ [1, 2, 1, 3, 2]|unique|list }} {{ names|unique|list }} {{ users|unique(attribute='age')|map(attribute='name')|list }} {{ xs|reverse|list }} {{ s|reverse }} {{ u|reverse }} {{ xs|max }} {{ xs|min }} {{ names|min }} {{ users|max(attribute='age') }}
{{ users|map(attribute='name')|list }} {{ users|map(attribute='tags.0')|list }} {{ users|map(attribute='zip', default='?')|join }} {{ names|map('upper')|list }} {{ xs|map('string')|join('+') }} {{ names|map('replace', 'a', 'A')|list }} {{ ['a','b']|map('indent', width=2, first=true)|list }}
{{ users|selectattr('active')|map(attribute='name')|list }} {{ users|rejectattr('active')|map(attribute='name')|list }} {{ users|selectattr('age', 'equalto', 30)|list|length }} {{ users|selectattr('age', 'gt', 26)|map(attribute='name')|join }} {{ users|selectattr('name', 'in', ['bob', 'cat'])|list|length }} {{ users|rejectattr('tags')|list|length }}
{{ xs|select('odd')|list }} {{ xs|reject('odd')|list }} {{ [0, 1, '', 'a']|select|list }} {{ [0, 1, '', 'a']|reject|list }} {{ xs|select('>', 1)|list }} {{ xs|select('divisibleby', 3)|list }} {{ users|selectattr('zip', 'defined')|list }} {{ users|selectattr('zip', 'undefined')|list|length }}
{% if users|selectattr('name', 'equalto', 'nobody') %}iterators are true{% endif %} {% set it = xs|map('string') %}{{ it|join }}|{{ it|join }}| {% set i2 = xs|select %}{{ i2|first }}{{ i2|list }}
{{ 'x'|default('d') }} {{ missing|default('d') }} {{ missing|default }}| {{ no|default('d') }} {{ e|default('d', true) }} {{ no|d('d', boolean=true) }} {{ missing|d(1) + 1 }} {{ users[0].zip|default('none') }}
{{ '42'|int }} {{ '42.9'|int }} {{ 'x'|int }} {{ 'x'|int(5) }} {{ 3.9|int }} {{ -3.9|int }} {{ true|int }} {{ ' 7 '|int }} {{ 'ff'|int(base=16) }} {{ '0x1f'|int(0, 16) }} {{ '1_000'|int }} {{ none|int }} {{ '-12'|int }} {{ '1e3'|int }}
{{ '1.5'|float }} {{ 'x'|float }} {{ 'x'|float(1.5) }} {{ 2|float }} {{ '1e-3'|float }} {{ 'inf'|float }} {{ '-Infinity'|float }} {{ 'nan'|float }} {{ ' .5'|float }} {{ '5.'|float }}
{{ 2.5|round }} {{ 3.5|round }} {{ 42.55|round(1) }} {{ 2.675|round(2) }} {{ 1.005|round(2) }} {{ 42|round }} {{ 7.2|round(method='ceil') }} {{ 7.8|round(0, 'floor') }} {{ -2.5|round }} {{ 1234.5|round(-2) }} {{ 1250|round(-2) }} {{ 0.1|round(3) }} {{ 1.15|round(1, 'ceil') }}
{{ -3|abs }} {{ -2.5|abs }} {{ xs|sum }} {{ users|sum(attribute='age') }} {{ xs|sum(start=10) }} {{ [1.5, 2]|sum }} {{ [[1], [2]]|sum(start=[]) }}
{{ 3|string + 'x' }} {{ none|string }} {{ 1.0|string }} {{ [1]|string }} {{ true|string|lower }} {{ 'abc'|list }} {{ d|list }} {{ missing|list }} {{ missing|string }}| {{ missing|upper }}| {{ missing|trim }}|
{{ d|dictsort }} {{ d|dictsort(true) }} {{ d|dictsort(by='value') }} {{ d|dictsort(reverse=true) }} {{ d|items|list }} {{ missing|items|list }}
{{ 'a\nb\n\nc'|indent }}| {{ 'a\nb'|indent(2, true) }}| {{ 'a\n\nb'|indent(2, blank=true) }}| {{ 'a\nb\n'|indent('> ') }}| {{ ''|indent }}|
{{ '<a href="x">&\'</a>'|e }} {{ '<b>'|escape }} {{ '<b>'|safe }} {{ 'x'|center(7) }}| {{ 'ab'|center(7) }}| {{ 'foo bar baz qux'|truncate(9) }} {{ 'foo bar baz qux'|truncate(9, true) }} {{ 'foo bar baz qux'|truncate(11) }} {{ 'foo bar baz qux'|truncate(11, False, '...', 0) }}
{{ '%s-%s'|format('a', 'b') }} {{ 'x %(k)s'|format(k=1) }} {{ users[0]|attr('name') }}| {{ s|attr('upper') is defined }}
{{ d|tojson }} {{ users|tojson }} {{ s|tojson }} {{ u|tojson }} {{ none|tojson }} {{ true|tojson }} {{ 1.0|tojson }} {{ [1, 2.5, 1e100, "a\"b\\\n\t/\x01<>&'"]|tojson }} {{ (1, 2)|tojson }} {{ {1: 2, none: 3, true: 4, 1.5: 5}|tojson }}
{{ d|tojson(indent=2) }} {{ [[], {}, [1]]|tojson(indent=2) }} {{ d|tojson(indent='\t') }} {{ d|tojson(indent=0) }} {{ d|tojson(sort_keys=true) }} {{ d|tojson(separators=(',', ':')) }} {{ u|tojson(ensure_ascii=true) }} {{ users[0]|tojson(indent=4, sort_keys=true) }} {{ d|tojson(indent=2, separators=(' ;', ' = ')) }}
{{ 'a,b,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ ' a  b c '.split() }} {{ ' a  b c '.split(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a  b  c '.rsplit(none, 1) }} {{ 'a  b c'.rsplit() }} {{ 'abc'.split('</think>')[-1] }} {{ ''.split(',') }} {{ ''.split() }} {{ 'a\r\nb\nc'.splitlines() }} {{ 'a\nb\n'.splitlines(true) }}
{{ '  x '.strip() }}| {{ '  x '.lstrip() }}| {{ '  x '.rstrip() }}| {{ 'xyaxy'.strip('xy') }} {{ '\n\nx\n'.lstrip('\n') }}| {{ 'éaé'.strip('é') }} {{ '\u3000x\xa0'.strip() }}|
{{ s.startswith('Hell') }} {{ s.endswith('ld') }} {{ s.startswith(('x', 'H')) }} {{ s.endswith('x') }} {{ s.upper() }} {{ s.lower() }} {{ s.title() }} {{ "they're bill's".title() }} {{ s.capitalize() }} {{ 'ß'.title() }} {{ 7.5 % 0.1 }} {{ 1 - 1.5 % 0.1 }} {{ 5.5 // 0.1 }} {{ -1e300 % 7 }}
{{ s.replace('o', '0') }} {{ s.replace('o', '0', 1) }} {{ s.find('o') }} {{ s.find('zz') }} {{ s.rfind('o') }} {{ s.index('W') }} {{ s.count('l') }} {{ u.find('日') }} {{ u.count('é') }} {{ s.find('o', 5) }} {{ s.find('o', -3, -1) }} {{ 'aaaa'.count('aa') }} {{ 'abc'.count('') }}
{{ ', '.join(['a', 'b']) }} {{ ''.join(names) }} {{ '-'.join('abc') }} {{ s.partition(', ') }} {{ s.rpartition('o') }} {{ 'a'.partition('x') }} {{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.py'.removesuffix('.py') }} {{ 'x'.removesuffix('') }}
{{ '7'.zfill(3) }} {{ '-7'.zfill(4) }} {{ 'a'.ljust(3) }}| {{ 'a'.rjust(3, '*') }}| {{ '12'.isdigit() }} {{ ''.isdigit() }} {{ 'ab'.isalpha() }} {{ 'a1'.isalnum() }} {{ ' '.isspace() }} {{ 'aB'.islower() }} {{ 'AB1'.isupper() }} {{ '1'.isupper() }}
{{ xs.index(2) }} {{ [1, 1].count(1) }} {{ (1, 2).index(2) }} {{ xs.copy() }}
{{ n is defined }} {{ missing is defined }} {{ missing is undefined }} {{ missing is not defined }} {{ no is none }} {{ n is not none }} {{ s is string }} {{ n is number }} {{ t is number }} {{ n is integer }} {{ t is integer }} {{ f is float }} {{ n is float }} {{ t is boolean }} {{ t is true }} {{ t is false }} {{ n is true }}
{{ d is mapping }} {{ xs is mapping }} {{ xs is iterable }} {{ s is iterable }} {{ n is iterable }} {{ no is iterable }} {{ missing is iterable }} {{ xs is sequence }} {{ d is sequence }} {{ s is sequence }} {{ n is sequence }} {{ missing is sequence }} {{ d.items() is iterable }} {{ d.keys() is sequence }} {{ range is callable }} {{ xs|map('string') is iterable }}
{{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(4) }} {{ 1 is eq 1 }} {{ 1 is equalto(2) }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 1 is le 1 }} {{ 2 is gt 1 }} {{ 2 is ge 3 }} {{ 1 is lessthan 2 }} {{ 1 is greaterthan 2 }} {{ 1 is in xs }} {{ 5 is not in xs }} {{ 'abc' is lower }} {{ 'ABC' is upper }} {{ n is sameas n }} {{ false is sameas false }} {{ 'upper' is filter }} {{ 'zz' is filter }} {{ 'odd' is test }}
{{ range(3)|list }} {{ range(1, 4)|list }} {{ range(10, 0, -3)|list }} {{ range(0)|list }} {{ range(5)[-1] }} {{ range(5)|length }} {{ range(3)|sum }}
{{ strftime_now('%Y-%m-%d %H:%M:%S %d %b %Y %B %A %a %y %j %I %p %-d %e %% %F %T') }}
{{ [1, 2, 3][0] }} {{ 'abc'[1] }} {{ {'a': 1}['a'] }} {{ (1, 2)[1] }} {{ [[1, 2], [3]][1][0] }} {{ {'a': 1, 'a': 2} }} {{ {1: 'x'}[1] }} {{ {1: 'x'}[1.0] }} {{ {true: 'x'}[1] }} {{ {(1, 2): 'x'}[(1, 2)] }}
{{ n if n is defined and n > 3 else 'small' }} {{ (n > 3) ~ (n < 3) }} {{ not n > 3 }} {{ not (n > 3 and false) }} {{ n > 3 == true }} {{ 1 + 1 == 2 and 'yes' }} {{ 'a' + 'b' == 'ab' }} {{ 'x' ~ (1 + 1) }} {{ 2 * 3 ~ 'x' }}
{{ s|lower|replace(' ', '_')|upper }} {{ s.lower().replace(' ', '_').upper() }} {{ (s|lower).upper() }} {{ 'a|b'.split('|')|join(',') }} {{ ('a' ~ 'b')|upper }} {{ 'a' ~ 'b'|upper }} {{ -1|string }} {{ 1 + '2'|int }}
{{ [1, 2, ] }} {{ {'a': 1, } }} {{ (1, ) }} {{ s.replace('H', 'J',) }} {{ 1 if true }} {{ [] }} {{ {} }} {{ () }} {{ 1, 2 }} {{ (1, 2) }} {{ (1) }}
{{ hi }}{{ hi|default(missing2)|default('deep') }} {{ namespace(a=1).a }} {{ namespace({'k': 2}, j=3).k }} {{ loop is defined }}
{% set ns = namespace(x=1) %}{% set ns.y = ns.x + 1 %}{{ ns.y }}{% macro f(o) %}{% set o.y = 9 %}{% endmacro %}{{ f(ns) }}{{ ns.y }} {% set ns.l = [] %}{% for i in range(3) %}{% set ns.l = ns.l + [i] %}{% endfor %}{{ ns.l }}
{% set f2 = s.upper %}{{ f2() }} {% set m = d.get %}{{ m('b') }} {{ s.upper is callable }} {{ s.nothing is defined }} {{ s['upper']() }}
{{ "a" if "b" in {"b": 1} else "c" }} {{ {'a': [1,2]}.a|length == 2 }} {{ users[0]['tags'] | join(',') if users[0]['tags'] is defined else '' }} {{ users|length > 2 }}
{%- macro args(a, b, c=3) -%}{{ a }}{{ b }}{{ c }}{%- endmacro -%}{{ args(*[1, 2]) }} {{ args(1, **{'b': 5, 'c': 6}) }} {{ args(*(1,), b=2) }}
{% if users and users[0].name %}ok{% endif %}{% if not missing %}undefined is false{% endif %}{% if 0.0 or {} or () or '' %}x{% else %}all false{% endif %}
{{ 1.0 }} {{ 1.50 }} {{ 3.0 * 2 }} {{ 10 / 5 }} {{ 1e2|int }} {{ 5 // 2.0 }} {{ 2.0 ** 3 }} {{ 4 ** 0.5 }} {{ 1_000 * 3 }} {{ 9223372036854775807 }} {{ -9223372036854775807 }}
{{ 0.1 }} {{ 100.0 }} {{ 1234567.891 }} {{ 1e21 }} {{ 123e-10 }} {{ 2.5e-5 }} {{ 0.00001234 }} {{ 4.35 }} {{ 5.684341886080802e-14 }} {{ 9.5367431640625e-07 }} {{ 8.988465674311579e+307 }} {{ 2.2250738585072014e-308 }}
""".strip("\n").split("\n")

# Templates of several lines, for white space around tags.
BLOCKS = [
    '{% macro m() %}X{% endmacro %}{% for i in [1, 2] %}{% set y | replace("a", m()) %}a{% break %}{% endset %}{{ y }}{% endfor %}.',
    "{% for i in [1, 2, 3] %}{% filter upper %}a{% if i == 2 %}{% break %}{% endif %}b{% endfilter %}{{ i }}{% endfor %}.",
    "{% set ns = namespace(x='-') %}{% for i in [1, 2, 3] %}{% set ns.x %}a{{ i }}{% if i == 2 %}{% continue %}{% endif %}{% endset %}{{ ns.x }}{% endfor %}",
    "{% for i in [1, 2] %}{% filter upper | replace('A', loop.index ~ '') %}a{% continue %}{% endfilter %}{% else %}none{% endfor %}",
    "a\n{% if t %}\nb\n{% endif %}\nc\n",
    "a\n  {% if t %}\n  b\n  {% endif %}\n  c",
    "a\n  {%- if t %}\n  b\n  {%- endif %}\nc\n\n",
    "a\n  {% if t -%}\n  b\n  {% endif -%}\nc",
    "a\n  {%+ if t %}\n  b\n  {%+ endif %}\nc",
    "a\n  {% if t +%}\n  b\n  {% endif +%}\nc",
    "  {{ n }}  \n  {{- n -}}  \n x",
    "{% for x in xs %}\n  {{ x }}\n{% endfor %}\n",
    "{% for x in xs -%}\n  {{ x }}\n{%- endfor %}\n",
    "{% for x in xs %}\n{{ x }},\n{% endfor %}end",
    "  {# comment #}\nx\n  {#- c -#}\n y {#+ k +#}\nz",
    "x{# c #}\ny{#\nmany\nlines\n#}\nz",
    "{% raw %}\n {{ a }}\n{% endraw %}\nb",
    "a  {%- raw -%}  {{ x }}  {%- endraw -%}  b",
    "a\n  {% raw %} x {% endraw %}  \nb",
    "\r\na\r\n{% if t %}\r\nb\r{% endif %}\r\n",
    "{% set x %}\n  text\n{% endset %}\n[{{ x }}]",
    "{% macro m() %}\n  body\n{% endmacro %}\n<{{ m() }}>",
    "text {% if t %} inline {% endif %} tail\n\n\n",
    "\n\n{% if t %}\n\nx\n\n{% endif %}\n\n",
    "\t{% if t %}\tx\t{% endif %}\t\n",
    " {%- if t -%} x {%- endif -%} ",
    "{{ {'a': {'b': 1}}.a.b }}{{ {'a': 1}}}",
    "{{ '}}' }}{{ \"{%\" }}{% if '%}' == '%}' %}y{% endif %}",
    "{{-n-}} {{+n}} {%-if t-%}x{%-endif-%}",
    "{% if t: %}colon{% endif %}",
    "{\n{ x } } {x} {% if t %}{ {% endif %}{",
    "é\u3000\n  {%- if t %}ü{% endif %}",
    "x\u2028{%- if t %}y{% endif -%}\u2003z",
    "",
    "\n",
    "plain",
]

# Templates that must fail, in jinja2 and here.
ERRORS = r"""
{{ missing.x }}
{{ missing[0] }}
{{ missing() }}
{{ missing + 1 }}
{{ 'a' + 1 }}
{{ 1 + none }}
{{ 1 / 0 }}
{{ 1 % 0 }}
{{ 1 < 'a' }}
{{ n.foo.bar }}
{{ n() }}
{{ s.nothing() }}
{% for x in 5 %}{% endfor %}
{% for x in none %}{% endfor %}
{% for a, b in [1, 2] %}{% endfor %}
{% for a, b in [[1, 2, 3]] %}{% endfor %}
{{ raise_exception('no way') }}
{{ s|nofilter }}
{{ s is notest }}
{{ xs|join('a', 'b', 'c') }}
{{ s|upper(1) }}
{{ s|replace('a') }}
{{ xs.append(4) }}
{{ d.pop('a') }}
{{ d.update({}) }}
{{ range(1000000) }}
{{ 'a' in 5 }}
{{ 1 in 'abc' }}
{{ {[1]: 2} }}
{{ xs|map('string')|length }}
{{ xs|map('string')|tojson }}
{{ missing|tojson }}
{{ missing|int }}
{{ [1, 'a']|sort }}
{{ [1, none]|sum }}
{{ {'a': missing}|tojson }}
{% set n.x = 1 %}
{% set nope.x = 1 %}
{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{% endmacro %}{{ m(b=2) }}
{{ m( }}
{{ *x }}
{{ 2.0 ** 5000 }}
{{ 5|truncate }}
{{ 5|indent }}
{{ }}
{{ 1 + }}
{{ (1 }}
{{ [1, 2 }}
{{ {'a' 1} }}
{{ 'abc }}
{{ a b }}
{{ 1 ? 2 }}
{{ x | }}
{{ x. }}
{{ x is }}
{% if %}{% endif %}
{% if t %}
{% endif %}
{% if t %}{% endfor %}
{% for x %}{% endfor %}
{% for x in xs %}
{% nosuchtag %}
{% set %}
{% set 1 = 2 %}
{% set x %}
{% macro %}{% endmacro %}
{% break %}
{# never closed
{% raw %} never closed
{{ never closed
{% never closed
{{ s.join(xs) }}
{{ ''.split('') }}
{{ s.index('zzz') }}
{{ xs.index(99) }}
{{ '%d' % 'x' }}
{{ '%s %s' % 'x' }}
{{ '%s' % ('x', 'y') }}
{{ '{} {}'.format(1) }}
{{ ']' }}{{ ] }}
{{ [) }}
{{ loop.index }}
{{ 'x'|int + 'y' }}
{{ n|length }}
{{ n|items|list }}
{{ n|first }}
{{ xs['a'].b }}
""".strip("\n").split("\n")
