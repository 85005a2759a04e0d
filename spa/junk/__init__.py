"""What on a micrograph is no specimen: carbon, crystals, lumps, cracks; and how much there is that may be one."""
