"""What `convert` makes of `ehr_exports.Rows`, once more, in plain Python and straight from the text of issue 4."""

from collections import Counter


def shown(rows, unlinked="drop", share=0.5, since=float("-inf"), until=float("inf")):
    """dict from a patient to the visits that start in [since, until), of what was recorded before `until`.

    As `single` and `infer` are defined, they look at the whole visit, and `infer` at all links of the export.
    """
    start, owner = {row[0]: row[2] for row in rows.visits}, {row[0]: row[1] for row in rows.visits}

    def known(row, place):
        """When something counts as known: not before its visit starts."""
        return max(start[row[0]], row[place] if len(row) > place and row[place] is not None else start[row[0]])

    found = {visit: {} for visit in start}  # visit -> dx -> when it was first known there
    linked, links = Counter(), []  # links are (visit, dx, kind, code, time)
    mentions = [(row[0], row[1], known(row, 2)) for row in rows.diagnoses]
    for row in rows.orders:
        for dx in set(row[3].split()):
            linked[row[1], row[2], dx] += 1
            links.append((row[0], dx, row[1], row[2], known(row, 4)))
            mentions.append((row[0], dx, known(row, 4)))
    for visit, dx, time in mentions:
        found[visit][dx] = min(found[visit].get(dx, time), time)
    for row in rows.orders:
        visit, kind, code, reasons = row[:4]
        if not reasons:
            times = {dx: count for (*order, dx), count in linked.items() if order == [kind, code]}
            dx = _given(unlinked, share, found[visit], times)
            if dx:
                links.append((visit, dx, kind, code, max(known(row, 4), found[visit].get(dx, start[visit]))))
    if unlinked == "null":
        for visit, dx, _, _, time in links:
            found[visit][dx] = min(found[visit].get(dx, time), time)
    patients = {}
    for visit in sorted(start, key=lambda visit: (owner[visit], start[visit], visit)):
        dxobjects = [
            (dx, *(_codes(links, visit, dx, kind, until) for kind in ("rx", "pr")))
            for dx in sorted(found[visit], key=lambda dx: (dx == "no-reason", dx))  # the reserved one comes last
            if found[visit][dx] < until
        ]
        if since <= start[visit] < until and dxobjects:
            patients.setdefault(owner[visit], []).append(dxobjects)
    return patients


def _codes(links, visit, dx, kind, until):
    return sorted(link[3] for link in links if link[:3] == (visit, dx, kind) and link[4] < until)


def _given(unlinked, share, diagnoses, times):
    """The diagnosis that takes an order without a reason, or None; `times` is how often its code is linked to each."""
    if unlinked == "null":
        return "no-reason"
    if unlinked == "single" and len(diagnoses) == 1:
        return next(iter(diagnoses))
    if unlinked == "infer":
        best = min(diagnoses, key=lambda dx: (-times.get(dx, 0), dx), default=None)
        if best in times and times[best] / sum(times.values()) >= share:
            return best
    return None
