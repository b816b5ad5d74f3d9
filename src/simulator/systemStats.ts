/** The content of `/system_stats`. @param argv command-line arguments of ComfyUI */
export const systemStats = (argv: readonly string[]) => ({
  system: {
    os: 'posix',
    ram_total: 16_000_000_000,
    ram_free: 12_000_000_000,
    comfyui_version: 'simulator',
    python_version: '3.11.7',
    pytorch_version: '0',
    embedded_python: false,
    argv: ['main.py', ...argv],
  },
  devices: [
    {
      name: 'simulated',
      type: 'cpu',
      index: null,
      vram_total: 16_000_000_000,
      vram_free: 12_000_000_000,
      torch_vram_total: 16_000_000_000,
      torch_vram_free: 12_000_000_000,
    },
  ],
});
