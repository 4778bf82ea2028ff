import subprocess
import sys

MODULES = (
    "compare conclusions evaluation figures frames metrics routing statistics style summary tables"
)


def test_the_analysis_never_imports_torch():
    imports = "; ".join(f"import cgt.analysis.{name}" for name in MODULES.split())
    code = f"import sys; {imports}; import cgt.predictions; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
