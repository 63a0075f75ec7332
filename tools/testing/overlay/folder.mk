# SPDX-License-Identifier: GPL-2.0-only
#
# Prints the objects and folders that kbuild builds in one folder.
#
# Usage: make -f folder.mk srctree=TREE obj=FOLDER SRCARCH=ARCH
# in a folder that has been configured.

include include/config/auto.conf

src := $(srctree)/$(obj)
include $(firstword $(wildcard $(src)/Kbuild $(src)/Makefile))

whole := $(obj-y) $(obj-m) $(lib-y) $(lib-m)
parts := $(foreach object,$(whole),$(foreach list,objs y m, \
	 $($(object:.o=-$(list)))))

.DEFAULT_GOAL := print-objects
.PHONY: print-objects
print-objects:
	@echo $(whole) $(parts)
