/* "Arm trace" of a device page's menu, the same in both portals. */
import { navigate } from "../lib/router";
import { armTrace, endTrace, isTraced } from "../lib/trace";
import type { Area } from "../lib/types";
import { t } from "../text";
import type { MenuItem } from "../ui/menu";
import { toast, toastError } from "../ui/toast";

export function traceItem(area: Area, device: string, base: string): MenuItem {
  if (isTraced(device)) {
    return { label: t.device.endTrace, icon: "live", onSelect: () => void endTrace(area, device).then(() => toast(t.device.traceEnded), toastError) };
  }
  return {
    label: t.device.trace, icon: "live", onSelect: () => void armTrace(area, device).then((minutes) => {
      toast(t.device.traced(minutes));
      navigate(`${base}/live`);
    }, toastError),
  };
}
