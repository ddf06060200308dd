export default { serverExternalPackages: ['signpost'] };
