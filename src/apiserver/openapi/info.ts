/** Version of the Kubernetes API that is served, as OpenAPI documents and `/version` tell it. */
export const apiVersion = 'v1.36.0';
