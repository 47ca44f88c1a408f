import { enumeration, integer, listOf, readYaml, refuse, text, type ValueType } from "../annotations/values.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { asList, asMapping, asText, type Mapping } from "../kube/object.ts";

/** Values of `spec.gateways`, as Istio's Gateway takes them. */

const label = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?";
const hostPattern = new RegExp(`^((\\*|\\.|${label})/)?(\\*|(\\*\\.)?${label}(\\.${label})+|\\*\\.${label})$`);

/** A host of a server: a public name, a wildcard, or either behind the namespace whose routes it takes (`shop/…`). */
const gatewayHost: ValueType<string> = text({
  expects: "a full host name such as shop.example.com, *.example.com or *, which may stand behind a namespace (shop/shop.example.com)",
  pattern: hostPattern,
  meant: (written) => written.trim().toLowerCase().replace(/^[a-z]+:\/\//, "").replace(/(?<=\..*)[:/].*$/, "").replace(/\.$/, "").replace(/^\.(?=[a-z0-9])/, "*.").replace(/^\*(?=[a-z0-9])/, "*."),
});

export const gatewayHosts = listOf(gatewayHost, { expects: `a list of hosts, each ${gatewayHost.expects}` });

const serverProtocols = ["HTTP", "HTTPS", "HTTP2", "GRPC", "GRPC-WEB", "TCP", "TLS", "MONGO", "MYSQL", "REDIS"] as const;
export const serverProtocol = enumeration(...serverProtocols);

export const tlsMode = enumeration("SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL", "ISTIO_MUTUAL", "PASSTHROUGH", "AUTO_PASSTHROUGH");

/** As Envoy takes them in Istio's gateways; Istio drops any other name with a warning in its log only. */
const cipherSuites = [
  "AES128-GCM-SHA256", "AES128-SHA", "AES256-GCM-SHA384", "AES256-SHA", "DES-CBC3-SHA",
  "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-SHA", "ECDHE-RSA-CHACHA20-POLY1305",
];

const cipherSuite: ValueType<string> = {
  expects: "a cipher suite such as ECDHE-RSA-AES256-GCM-SHA384",
  schema: { type: "string", pattern: `^(ALL|[^A-Za-z0-9\\s].*|${cipherSuites.join("|")})$` },
  // Istio lets whole expressions of OpenSSL pass (`-SHA1`), unread.
  read: (written) => (cipherSuites.includes(written) || /^(ALL$|[^A-Za-z0-9\s])/.test(written) ? { value: written } : refuse(suggest(written, cipherSuites))),
};

export const cipherSuiteList = listOf(cipherSuite, { expects: "a list of cipher suites such as ECDHE-RSA-AES256-GCM-SHA384" });
export const tlsVersion = enumeration("TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3");

/** A Secret, as Istio looks it up beside the gateway's pods. */
export const secretName = text({
  expects: "the name of a Secret in the namespace of the gateway's pods",
  pattern: /^((kubernetes-gateway|kubernetes):\/\/)?[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?(\/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$/,
  meant: (written) => written.toLowerCase().replaceAll("_", "-"),
});

export const secretNames = listOf(secretName, { expects: "a list of names of Secrets" });
export const filePath = text({ expects: "an absolute file path in the gateway's container", pattern: /^\/\S+$/ });
export const subjectNames = listOf(text({ expects: "a name", pattern: /^\S+$/ }), { expects: "a list of names" });
export const hashes = listOf(text({ expects: "a hash", pattern: /^[A-Za-z0-9+/=:]+$/ }), { expects: "a list of SHA-256 hashes, in base64 or hexadecimal" });
export const address = text({ expects: "an IP address, or unix:// and a path", pattern: /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]+|unix:\/\/[@/]\S+)$/ });
export const portNumber = integer({ min: 1, max: 65535 });

const certificateFields = ["serverCertificate", "privateKey", "caCertificates"];

/** Certificates by file, where a server has one for each kind of key. */
export const certificateFiles: ValueType<readonly Mapping[]> = {
  expects: "a list of one or two mappings with serverCertificate and privateKey, both file paths",
  schema: { type: "array", items: { type: "object" } },
  read: (written) => {
    const list = asList(readYaml(written));
    const fits = list.every((entry) => {
      const fields = asMapping(entry);
      return fields && asText(fields["serverCertificate"]) && asText(fields["privateKey"]) && Object.keys(fields).every((field) => certificateFields.includes(field) && asText(fields[field]));
    });
    return fits && list.length > 0 && list.length < 3 ? { value: list as readonly Mapping[] } : refuse();
  },
};
