"""The conversion of `ehr_exports.ExportRows` once more, in plain Python, written from docs/convert.md."""

from collections import Counter


def visits_by_patient(rows, unlinked="drop", share=0.5, since=float("-inf"), until=float("inf")):
    """The visits of each patient that start in [since, until), with the events recorded before `until`.

    By their definition `single` and `infer` use the whole visit, and `infer` all links of the export.
    """
    start, owner = {row[0]: row[2] for row in rows.visits}, {row[0]: row[1] for row in rows.visits}

    def known(row, index):
        """The time from which an event counts as known: not before its visit starts."""
        return max(start[row[0]], row[index] if len(row) > index and row[index] is not None else start[row[0]])

    known_dx = {visit: {} for visit in start}  # for each visit, the time at which each dx is first known in it
    linked, links = Counter(), []  # links are (visit, dx, kind, code, time)
    mentions = [(row[0], row[1], known(row, 2)) for row in rows.diagnoses]
    for row in rows.orders:
        for dx in set(row[3].split()):
            linked[row[1], row[2], dx] += 1
            links.append((row[0], dx, row[1], row[2], known(row, 4)))
            mentions.append((row[0], dx, known(row, 4)))
    for visit, dx, time in mentions:
        known_dx[visit][dx] = min(known_dx[visit].get(dx, time), time)
    for row in rows.orders:
        visit, kind, code, reasons = row[:4]
        if not reasons:
            times = {dx: count for (*order, dx), count in linked.items() if order == [kind, code]}
            dx = _given(unlinked, share, known_dx[visit], times)
            if dx:
                links.append((visit, dx, kind, code, max(known(row, 4), known_dx[visit].get(dx, start[visit]))))
    if unlinked == "null":
        for visit, dx, _, _, time in links:
            known_dx[visit][dx] = min(known_dx[visit].get(dx, time), time)
    patients = {}
    for visit in sorted(start, key=lambda visit: (owner[visit], start[visit], visit)):
        dxobjects = [
            (dx, *(_codes(links, visit, dx, kind, until) for kind in ("rx", "pr")))
            for dx in sorted(known_dx[visit], key=lambda dx: (dx == "no-reason", dx))  # the reserved one comes last
            if known_dx[visit][dx] < until
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
