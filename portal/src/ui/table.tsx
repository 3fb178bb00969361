/* Tables over server-side pages: row count, column chooser, selection with a bulk bar, CSV; at phone width each row becomes a card. */
import type { ComponentChildren, JSX } from "preact";
import { getPage } from "../lib/api";
import { csv } from "../lib/format";
import { prefs, setPrefs } from "../lib/prefs";
import { navigate, setQuery } from "../lib/router";
import type { Page } from "../lib/types";
import type { Fetched } from "../lib/use";
import { t } from "../text";
import { Button, Failed, Skeleton } from "./basic";
import { Icon } from "./icons";
import { Menu, type MenuItem } from "./menu";

export interface Column<T> {
  key: string;
  label: string;
  render: (row: T) => ComponentChildren;
  /** Plain text for CSV. */
  text?: (row: T) => unknown;
  class?: string;
  /** The column that heads the card at phone width. */
  main?: boolean;
  /** Not shown until chosen. */
  spare?: boolean;
}

interface TableProps<T> {
  id: string;
  label: string;
  columns: Column<T>[];
  fetched: Fetched<Page<T>>;
  rowKey: (row: T) => string;
  rowHref?: (row: T) => string;
  onRow?: (row: T) => void;
  rowMenu?: (row: T) => (MenuItem | "line")[];
  rowClass?: (row: T) => string;
  empty: ComponentChildren;
  page?: number;
  perPage?: number;
  selected?: Set<string>;
  onSelect?: (ids: Set<string>) => void;
  bulk?: ComponentChildren;
  exportPath?: string;
}

export function Table<T>(p: TableProps<T>): JSX.Element {
  const shown = visibleColumns(p.id, p.columns);
  const data = p.fetched.data;
  if (p.fetched.error && !data) return <Failed text={p.fetched.error.message || t.errors.status(p.fetched.error.status)} retry={p.fetched.reload} />;
  if (!data) return <div class="table-wait"><Skeleton lines={6} height={18} /></div>;
  if (data.rows.length === 0 && (p.page ?? 1) === 1) return <>{p.empty}</>;
  const ids = data.rows.map(p.rowKey);
  const all = p.selected && ids.length > 0 && ids.every((id) => p.selected!.has(id));
  const choose = (id: string, on: boolean): void => {
    const next = new Set(p.selected);
    if (on) next.add(id);
    else next.delete(id);
    p.onSelect?.(next);
  };
  const open = (row: T, event: MouseEvent): void => {
    if ((event.target as Element).closest("a, button, input, label")) return;
    if (window.getSelection()?.toString()) return;
    if (p.onRow) p.onRow(row);
    else if (p.rowHref) {
      if (event.metaKey || event.ctrlKey) window.open(p.rowHref(row), "_blank");
      else navigate(p.rowHref(row));
    }
  };
  return (
    <div class="table-block">
      {p.selected && p.selected.size > 0 && (
        <div class="bulk" role="region" aria-label={t.table.bulk}>
          <strong>{t.table.selected(p.selected.size)}</strong>
          {p.bulk}
          <Button size="s" kind="quiet" class="end" onClick={() => p.onSelect?.(new Set())}>{t.table.clear}</Button>
        </div>
      )}
      <div class="table-scroll" tabIndex={-1}>
        <table class={`table ${p.rowHref || p.onRow ? "is-linked" : ""} ${p.fetched.loading ? "is-loading" : ""}`} aria-label={p.label}>
          <thead>
            <tr>
              {p.selected && <th class="col-check"><input type="checkbox" checked={!!all} aria-label={t.table.selectPage} onChange={(e) => {
                const next = new Set(p.selected);
                for (const id of ids) if (e.currentTarget.checked) next.add(id); else next.delete(id);
                p.onSelect?.(next);
              }} /></th>}
              {shown.map((c) => <th key={c.key} scope="col" class={c.class}>{c.label}</th>)}
              {p.rowMenu && <th class="col-menu"><span class="sr">{t.table.actions}</span></th>}
            </tr>
          </thead>
          <tbody>
            {data.rows.map((row) => {
              const id = p.rowKey(row);
              return (
                <tr key={id} class={p.rowClass?.(row)} onClick={(e) => open(row, e)}>
                  {p.selected && <td class="col-check"><input type="checkbox" checked={p.selected.has(id)} aria-label={t.table.selectRow} onChange={(e) => choose(id, e.currentTarget.checked)} /></td>}
                  {shown.map((c) => (
                    <td key={c.key} class={`${c.class ?? ""} ${c.main ? "col-main" : ""}`} data-label={c.label}>
                      {c.main && p.rowHref ? <a class="row-link" href={p.rowHref(row)}>{c.render(row)}</a> : c.render(row)}
                    </td>
                  ))}
                  {p.rowMenu && <td class="col-menu"><RowMenu items={p.rowMenu(row)} /></td>}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <Pager page={p.page ?? 1} perPage={p.perPage ?? 50} data={data} paged={p.page !== undefined} />
    </div>
  );
}

function RowMenu({ items }: { items: (MenuItem | "line")[] }): JSX.Element | null {
  if (!items.length) return null;
  return <Menu label={t.table.actions} class="btn btn-quiet btn-s btn-icon" items={items}><Icon name="more" /></Menu>;
}

function Pager<T>({ page, perPage, data, paged }: { page: number; perPage: number; data: Page<T>; paged: boolean }): JSX.Element {
  const first = (page - 1) * perPage + 1;
  const last = first + data.rows.length - 1;
  const go = (n: number): void => setQuery({ page: n === 1 ? null : String(n) }, { push: true });
  const single = page === 1 && !data.hasNext;
  return (
    <footer class="pager">
      <span class="num">{single ? t.table.rows(data.total ?? data.rows.length) : t.table.range(first, last, data.total)}</span>
      {paged && !single && (
        <span class="row">
          <Button size="s" icon="left" label={t.table.previous} disabled={page <= 1} onClick={() => go(page - 1)} />
          <Button size="s" icon="right" label={t.table.next} disabled={!data.hasNext} onClick={() => go(page + 1)} />
        </span>
      )}
    </footer>
  );
}

function visibleColumns<T>(id: string, columns: Column<T>[]): Column<T>[] {
  const hidden = prefs.value.columns[id] ?? columns.filter((c) => c.spare).map((c) => c.key);
  return columns.filter((c) => c.main || !hidden.includes(c.key));
}

export function ColumnChooser<T>({ id, columns }: { id: string; columns: Column<T>[] }): JSX.Element {
  const hidden = prefs.value.columns[id] ?? columns.filter((c) => c.spare).map((c) => c.key);
  return (
    <Menu label={t.table.columns} class="btn btn-plain btn-icon" keepOpen items={columns.filter((c) => !c.main).map((c) => ({
      label: c.label,
      checked: !hidden.includes(c.key),
      onSelect: () => {
        const next = hidden.includes(c.key) ? hidden.filter((k) => k !== c.key) : [...hidden, c.key];
        setPrefs({ columns: { ...prefs.value.columns, [id]: next } });
      },
    }))}>
      <Icon name="columns" />
    </Menu>
  );
}

const exportMax = 10_000;

/** Downloads every matching row as CSV, reading page after page. */
export async function exportCsv<T>(name: string, pathOf: (page: number) => string, columns: Column<T>[]): Promise<void> {
  const wanted = columns.filter((c) => c.text);
  const rows: unknown[][] = [wanted.map((c) => c.label)];
  for (let page = 1; rows.length <= exportMax; page++) {
    const reply = await getPage<T>(pathOf(page));
    for (const row of reply.rows) rows.push(wanted.map((c) => c.text!(row)));
    if (!reply.hasNext) break;
  }
  const url = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
