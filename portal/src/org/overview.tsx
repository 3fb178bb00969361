/* Overview of an organization: the space tree beside the chosen space. */
import type { JSX } from "preact";
import { queryParam, setQuery, navigate } from "../lib/router";
import type { Space } from "../lib/types";
import { errorText, useTitle } from "../lib/use";
import { t } from "../text";
import { Button, Card, Empty, Failed, Skeleton } from "../ui/basic";
import { Icon } from "../ui/icons";
import { PageHead } from "../shared/page";
import { ClaimDevice } from "./claim";
import { OrgDeviceTable } from "./devices";
import { CreateSpace, SpaceTree, useSpaces } from "./spaces";

export function OrgOverview({ spaceId }: { spaceId: number | null }): JSX.Element {
  const spaces = useSpaces();
  const list = spaces.data;
  const root = list?.find((s) => s.parent_id === null);
  const current = spaceId === null ? root : list?.find((s) => s.id === spaceId);
  useTitle(current?.name ?? t.nav.overview);
  if (spaces.error && !list) return <Failed text={errorText(spaces.error)} retry={spaces.reload} />;
  if (!list) return <Skeleton lines={8} height={20} />;
  if (!current) return <Empty icon="space" title={t.spaces.gone} action={<Button href="/app/">{t.spaces.toRoot}</Button>} />;
  const parent = list.find((s) => s.id === current.parent_id);
  const below = list.filter((s) => s.parent_id === current.id);
  const create = queryParam("create") === "1";
  const claim = queryParam("claim");
  return (
    <div class="split">
      <aside class="split-side" aria-label={t.spaces.tree}>
        <div class="split-head"><h2>{t.spaces.title}</h2><Button size="s" kind="quiet" icon="plus" label={t.spaces.create} onClick={() => setQuery({ create: "1" }, { push: true })} /></div>
        <SpaceTree spaces={list} current={current.id} />
      </aside>
      <div class="split-main stack stack-6">
        <PageHead trail={parent ? { href: parent.parent_id === null ? "/app/" : `/app/spaces/${parent.id}`, label: parent.name } : undefined} title={current.name}
          sub={<><span>{t.count.devices(current.devices_count)}</span>{current.parent_id !== null && <span class="dot-sep">{t.spaces.types[current.space_type ?? ""] ?? current.space_type}</span>}</>}
          actions={<><Button icon="plus" onClick={() => setQuery({ create: "1" }, { push: true })}>{t.spaces.create}</Button><Button kind="primary" icon="claim" onClick={() => setQuery({ claim: "new" }, { push: true })}>{t.claim.open}</Button></>} />
        {below.length > 0 && <SubSpaces spaces={below} />}
        <Card title={t.devices.title} flush>
          <OrgDeviceTable spaceId={current.id} base={spaceId === null ? "/app/" : `/app/spaces/${spaceId}`} compact onClaim={() => setQuery({ claim: "new" }, { push: true })} />
        </Card>
      </div>
      {create && <CreateSpace spaces={list} parent={current} onClose={() => setQuery({ create: null })} onDone={(s) => { spaces.reload(); navigate(`/app/spaces/${s.id}`); }} />}
      {claim && <ClaimDevice code={claim === "new" ? "" : claim} space={current} onClose={() => setQuery({ claim: null })} onClaimed={spaces.reload} />}
    </div>
  );
}

function SubSpaces({ spaces }: { spaces: Space[] }): JSX.Element {
  return (
    <div class="tiles tiles-wide">
      {spaces.map((s) => (
        <a key={s.id} class="tile tile-space" href={`/app/spaces/${s.id}`}>
          <Icon name="space" /><span class="grow trunc strong">{s.name}</span><span class="faint small num">{t.count.devices(s.devices_count)}</span>
        </a>
      ))}
    </div>
  );
}
