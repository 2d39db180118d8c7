"""Ancestors of codes: the rules of code systems, their closure, and the hierarchy of codes."""

import collections

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mime_tf.data.hierarchy import Hierarchy, Relation
from mime_tf.ehr.hierarchies import closure, rules
from mime_tf.ehr.hierarchies.build import Choice, build
from mime_tf.ehr.hierarchies.closure import Edges
from mime_tf.ehr.hierarchies.relations import Relations, Table
from mime_tf.ehr.schema import PARENTS
from mime_tf.errors import InputError

# Rules.


def by_rule(system, code, kind="dx"):
    return [(parent.system, parent.code) for parent in rules.parents(kind, system, code)]


def icd10(category, chapter):
    return [("icd10-category", category), ("icd10-chapter", chapter)]


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        ("ICD-10-CM", "E11.9", icd10("E11", "E00-E90")),
        ("ICD-10", "e119", icd10("E11", "E00-E90")),
        ("ICD10CM", "E11", icd10("E11", "E00-E90")),
        ("icd10-category", "E11", icd10("E11", "E00-E90")),
        ("ICD-10-CM", "C7A.021", icd10("C7A", "C00-D49")),
        ("ICD-10-CM", "D49.9", icd10("D49", "C00-D49")),
        ("ICD-10", "D50.0", icd10("D50", "D50-D89")),
        ("ICD-10", "H59.9", icd10("H59", "H00-H59")),
        ("ICD-10", "H60.0", icd10("H60", "H60-H95")),
        ("ICD-10-CM", "O9A.1", icd10("O9A", "O00-O9A")),
        ("ICD-10", "T14.9", icd10("T14", "S00-T98")),
        ("ICD-10", "U07.1", icd10("U07", "U00-U99")),
        ("ICD-10", "V89.2", icd10("V89", "V00-Y99")),
        ("ICD-10", "Y90", icd10("Y90", "V00-Y99")),
        ("ICD-10", "Z99.2", icd10("Z99", "Z00-Z99")),
        ("ICD-10-GM", "A17.0†", icd10("A17", "A00-B99")),
        ("ICD-9-CM", "250.01", [("icd9-category", "250"), ("icd9-chapter", "240-279")]),
        ("ICD-9-CM", "25001", [("icd9-category", "250"), ("icd9-chapter", "240-279")]),
        ("ICD-9-CM", "001", [("icd9-category", "001"), ("icd9-chapter", "001-139")]),
        ("ICD-9-CM", "E880.1", [("icd9-category", "E880"), ("icd9-chapter", "E000-E999")]),
        ("ICD-9-CM", "V10.3", [("icd9-category", "V10"), ("icd9-chapter", "V01-V91")]),
        ("ICD-9-CM", "8.45", []),  # zeros were lost: 008.45
        ("ICD-10", "diabetes", []),
        ("ICD-10", "", []),
        ("SNOMED-CT", "E11", []),
        ("ICD-10-PCS", "B30", []),
        ("ATC", "E11", []),
    ],
)
def test_categories_and_chapters(system, code, expected):
    assert by_rule(system, code) == expected


def test_levels_of_atc():
    levels = [("atc-4", "C10AA"), ("atc-3", "C10A"), ("atc-2", "C10"), ("atc-1", "C")]
    assert by_rule("ATC", "C10AA05", "rx") == by_rule("ATC", "C10AA", "rx") == levels
    assert by_rule("ATC", "C10", "rx") == by_rule("atc-2", "C10", "rx") == levels[2:]
    assert [parent.steps for parent in rules.parents("rx", "ATC", "C10")] == [3, 4]
    assert by_rule("ATC", "C10AA055", "rx") == by_rule("ATC", "statin", "rx") == []


def test_procedures_of_icd9_have_another_form_of_code():
    assert by_rule("ICD-9-CM", "4513", "pr") == []
    assert by_rule("ICD-9-CM", "4513", "dx") == [("icd9-category", "451"), ("icd9-chapter", "390-459")]


# The closure.


def closed(edges, start, nodes=None, **options):
    child, parent, steps = np.array([(*edge, 1)[:3] for edge in edges], np.int64).reshape(-1, 3).T
    nodes = nodes or 1 + max((max(edge[:2]) for edge in edges), default=max(start))
    pairs = closure.close(Edges(child, parent, steps), nodes, np.array(start, np.int64), **options)
    return list(zip(*(column.tolist() for column in pairs), strict=True))


def test_ancestors_of_ancestors_are_found_with_the_shortest_way():
    """0 -> 1 -> 2 -> 3, and 0 -> 2 of two steps given as one row: the way over both is as short."""
    edges = [(0, 1), (1, 2), (2, 3)]
    assert closed(edges, [0]) == [(0, 1, 1), (0, 2, 2), (0, 3, 3)]
    assert closed([*edges, (0, 3, 2)], [0, 2]) == [(0, 1, 1), (0, 2, 2), (0, 3, 2), (2, 3, 1)]


def test_a_longer_row_than_the_way_over_others_gives_way_to_it():
    assert closed([(0, 2, 5), (0, 1), (1, 2), (2, 3)], [0]) == [(0, 1, 1), (0, 2, 2), (0, 3, 3)]


def test_distant_ancestors_are_left_out():
    assert closed([(0, 1), (1, 2), (2, 3)], [0], most_steps=2) == [(0, 1, 1), (0, 2, 2)]


def test_too_many_pairs_are_refused():
    chain = [(node, node + 1) for node in range(100)]
    with pytest.raises(InputError, match="found more than 50 pairs"):
        closed(chain, list(range(100)), most=50)


def oracle(edges, start):
    """Ancestors by walking from each code alone, a step at a time."""
    parents = collections.defaultdict(list)
    for child, parent, steps in edges:
        parents[child].append((parent, steps))
    result = []
    for code in start:
        least = {}
        waiting = [(code, 0)]
        while waiting:
            node, walked = waiting.pop()
            for parent, steps in parents[node]:
                if walked + steps < least.get(parent, 1 << 30):
                    least[parent] = walked + steps
                    waiting.append((parent, walked + steps))
        result += [(code, ancestor, steps) for ancestor, steps in sorted(least.items())]
    return result


NODES = 8
# A parent has a higher number than its child, so that there is no cycle.
ACYCLIC = st.lists(
    st.tuples(st.integers(0, NODES - 2), st.integers(1, NODES - 1), st.integers(1, 3)).filter(lambda e: e[0] < e[1]),
    max_size=20,
)


@settings(max_examples=100)
@given(ACYCLIC, st.sets(st.integers(0, NODES - 1), min_size=1))
def test_the_closure_is_that_of_a_walk(edges, start):
    start = sorted(start)
    assert closed(edges, start, NODES) == oracle(edges, start)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)).filter(lambda e: e[0] != e[1])))
def test_a_cycle_is_found_where_there_is_one(edges):
    child, parent = np.array(edges, np.int64).reshape(-1, 2).T
    nodes = closure.cycle(Edges(child, parent, np.ones_like(child)), NODES)
    for node, following in zip(nodes, nodes[1:] + nodes[:1], strict=True):
        assert (node, following) in edges
    returns = {node for node, ancestor, _ in oracle([(*edge, 1) for edge in edges], range(NODES)) if node == ancestor}
    assert bool(nodes) == bool(returns) and set(nodes) <= returns


# The hierarchy of codes.


def table(rows, source="t.csv"):
    """A table of parents, of rows of system, code, ancestor's system, ancestor, and perhaps name, class and steps."""
    rows = [(*row, *[None] * (len(PARENTS) - len(row))) for row in rows]
    columns = zip(*rows, strict=True) if rows else [[]] * len(PARENTS)
    kinds = (pa.string() if kind == "string" else pa.int64() for kind in PARENTS.values())
    arrays = [pa.array(list(column), kind) for column, kind in zip(columns, kinds, strict=True)]
    return Table.checked(source, pa.table(arrays, names=list(PARENTS)))


def built(codes, *tables, **choice):
    return build(Relations(tables), codes, Choice(**choice))


def rows_of(*arguments, **choice):
    return [tuple(row) for row in built(*arguments, **choice).hierarchy.rows]


def test_a_table_and_the_rules_together():
    """A local code is mapped to ATC, whose levels follow by rule; names come from any row."""
    codes = [("rx", "local", "zocor 20"), ("dx", "local", "zocor 20")]
    named = [("local", "zocor 20", "ATC", "C10AA01", "simvastatin"), ("ATC", "C10AA01", "atc-4", "C10AA", "statins")]
    rows = rows_of(codes[:1], table(named))
    assert rows == [
        ("rx", "local", "zocor 20", "ATC", "C10AA01", "", 1, "simvastatin"),
        ("rx", "local", "zocor 20", "atc-4", "C10AA", "", 2, "statins"),
        ("rx", "local", "zocor 20", "atc-3", "C10A", "", 3, ""),
        ("rx", "local", "zocor 20", "atc-2", "C10", "", 4, ""),
        ("rx", "local", "zocor 20", "atc-1", "C", "", 5, ""),
    ]
    assert len(rows_of(codes, table(named))) == 10
    assert rows_of(codes[:1], table(named), rules=()) == rows[:2]
    assert rows_of(codes[:1], table(named), kept=("atc-4", "atc-1")) == [rows[1], rows[4]]
    assert rows_of(codes[:1], table(named), most_steps=2) == rows[:2]


def test_several_parents_of_several_tables_are_kept_and_a_pair_counts_once():
    codes = [("dx", "s", "a"), ("dx", "s", "b")]
    one = table([("s", "a", "f", "1"), ("s", "a", "f", "2"), ("s", "a", "f", "1")])
    other = table([("s", "a", "f", "2"), ("s", "b", "g", "2")])
    assert [(row[2], row[3], row[4]) for row in rows_of(codes, one, other)] == [
        ("a", "f", "1"),
        ("a", "f", "2"),
        ("b", "g", "2"),
    ]


def test_a_code_that_is_an_ancestor_belongs_to_itself():
    """Diabetes is a code of patients, and above diabetes of type 2: both are of its family."""
    codes = [("dx", "s", "diabetes"), ("dx", "s", "type 2"), ("dx", "s", "flu")]
    relations = table(
        [("s", "type 2", "s", "diabetes"), ("s", "diabetes", "s", "disease"), ("s", "flu", "s", "disease")]
    )
    assert [(row[2], row[4], row[6]) for row in rows_of(codes, relations)] == [
        ("diabetes", "diabetes", 0),
        ("diabetes", "disease", 1),
        ("flu", "disease", 1),
        ("type 2", "diabetes", 1),
        ("type 2", "disease", 2),
    ]


def test_the_class_of_an_ancestor_is_part_of_what_it_is():
    relations = table([("RxNorm", "1", "RxNorm", "2", "aspirin", "Ingredient", 2)])
    assert rows_of([("rx", "RxNorm", "1")], relations) == [
        ("rx", "RxNorm", "1", "RxNorm", "2", "Ingredient", 2, "aspirin")
    ]


def test_names_of_code_systems_are_one_whichever_address_a_table_uses():
    relations = table([("http://snomed.info/sct", "1", "SNOMED", "2")])
    assert rows_of([("dx", "SNOMED-CT", "1")], relations) == [("dx", "SNOMED-CT", "1", "SNOMED-CT", "2", "", 1, "")]


def test_a_cycle_is_one_clear_error_if_a_code_leads_to_it():
    relations = table([("s", "a", "s", "b"), ("s", "b", "s", "c"), ("s", "c", "s", "b")])
    with pytest.raises(InputError, match=r"^t\.csv: found the cycle s (b -> s c -> s b|c -> s b -> s c); no code"):
        built([("dx", "s", "a")], relations)
    assert rows_of([("dx", "s", "d")], relations) == []


def test_odd_rows_are_counted():
    odd = table([("s", "a", "s", "a"), ("s", None, "f", "1"), ("s", "a", "f", None), ("s", "a", "f", "1")])
    assert odd.left_out == {
        "rows of t.csv without a code or an ancestor": 2,
        "rows of t.csv that make a code its own parent": 1,
    }
    assert len(rows_of([("dx", "s", "a")], odd)) == 1


def test_several_names_of_one_ancestor_are_counted_and_the_first_is_used():
    relations = table([("s", "a", "f", "1", "heart"), ("s", "b", "f", "1", "cardiac"), ("s", "c", "f", "2", "lung")])
    result = built([("dx", "s", "a"), ("dx", "s", "c")], relations)  # b, which names it otherwise, is no code here
    assert result.several_names == 0 and [row.name for row in result.hierarchy.rows] == ["heart", "lung"]
    result = built([("dx", "s", "a"), ("dx", "s", "b")], relations)
    assert result.several_names == 1 and {row.name for row in result.hierarchy.rows} == {"cardiac"}


def test_a_hundred_thousand_relations_of_which_a_cohort_needs_few():
    """A balanced tree of ten children a node: each leaf has five ancestors."""
    rows = [("tree", str(node), "tree", str((node - 1) // 10)) for node in range(1, 111_111)]
    relations = Relations([table(rows)])
    result = build(relations, [("dx", "tree", "111110"), ("dx", "tree", "55555")], Choice())
    assert [row.level for row in result.hierarchy.rows] == [1, 2, 3, 4, 5] * 2
    assert result.hierarchy.rows[-1].ancestor == result.hierarchy.rows[4].ancestor == "0"


# The file.

ROW = Relation("dx", "ICD-10", "E11.9", "icd10-category", "E11", "", 1, 'type 2, "adult"\nonset')


def test_a_file_is_read_as_it_was_written(tmp_path):
    rows = [ROW, ROW._replace(code="E11.8", name=""), ROW._replace(kind="rx", level=0)]
    Hierarchy(rows).write(tmp_path / "h.csv")
    assert Hierarchy.read(tmp_path / "h.csv").rows == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column kind; found nothing; needed kind, system"),
        ("kind,code,ancestor,level,name\n", "no column system; found kind, code"),
        ("dx,s,a,f,1,,1\n", "line 2: 7 fields; one for each of the header's 8"),
        ("drug,s,a,f,1,,1,\n", "line 2: found kind 'drug', code 'a', ancestor '1', level '1'; must be dx"),
        ("dx,s,a,f,1,,one,\n", "line 2: found"),
        ("dx,s,a,f,1,,-1,\n", "line 2: found"),
        ("dx,s,,f,1,,1,\n", "line 2: found"),
        ("dx,s,a,f,1,,1,\ndx,s,a,f,1,,2,x\n", "line 3: dx a has the ancestor 1 a second time"),
    ],
)
def test_bad_files(text, message, tmp_path):
    path = tmp_path / "h.csv"
    header = "" if text == "" or text.startswith("kind") else ",".join(Relation._fields) + "\n"
    path.write_text(header + text)
    with pytest.raises(InputError) as caught:
        Hierarchy.read(path)
    assert str(caught.value).startswith(f"{path}: {message}")
