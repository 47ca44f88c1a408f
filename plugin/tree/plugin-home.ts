import { statSync } from "node:fs";
import { isAbsolute, join } from "node:path";

/** A directory in which kustomize may look for plugins of the older form. */
export interface PluginHome {
  readonly path: string;
  /** What makes kustomize look there, as people write it in a shell. */
  readonly from: string;
  readonly isThere: boolean;
}

/** Where istiomize stands in a plugin home: group, version, kind in lower case, kind. */
export const placeInHome = "istiomize.dev/v1alpha1/servicemesh/ServiceMesh";

/**
 * The plugin homes in the order in which kustomize looks: it takes the first that exists, even an empty one. A
 * relative path is no home, because plugins are started in the directory of their kustomization.
 * @see https://github.com/kubernetes-sigs/kustomize/blob/master/api/konfig/plugins.go
 */
export function pluginHomes(env: NodeJS.ProcessEnv = process.env): readonly PluginHome[] {
  const { KUSTOMIZE_PLUGIN_HOME: named, XDG_CONFIG_HOME: config } = env;
  const home = (process.platform === "win32" ? env["HOME"] || env["USERPROFILE"] : env["HOME"]) ?? "";
  const candidates: readonly (readonly [from: string, path: string | undefined])[] = [
    ["$KUSTOMIZE_PLUGIN_HOME", named],
    ["$XDG_CONFIG_HOME/kustomize/plugin", config && join(config, "kustomize/plugin")],
    ["$HOME/.config/kustomize/plugin", home && join(home, ".config/kustomize/plugin")],
    ["$HOME/kustomize/plugin", home && join(home, "kustomize/plugin")],
  ];
  return candidates.flatMap(([from, path]) => (path ? [{ from, path, isThere: isDirectory(path) }] : []));
}

/** The plugin home that kustomize uses; where none exists the first that it would use if it did. */
export function findPluginHome(env: NodeJS.ProcessEnv = process.env): PluginHome | undefined {
  const homes = pluginHomes(env).filter(({ path }) => isAbsolute(path));
  return homes.find(({ isThere }) => isThere) ?? homes[0];
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
