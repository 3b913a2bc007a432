noinst_LIBRARIES += lib/libmodel.a
lib_libmodel_a_SOURCES = lib/model/error_info.c lib/model/error_info.h lib/model/states.c lib/model/states.h \
	lib/model/resources.c lib/model/resources.h lib/model/limits.h lib/model/entities.c lib/model/entities.h \
	lib/model/workspace.c lib/model/workspace.h lib/model/engine.c lib/model/engine.h \
	lib/model/image_name.c lib/model/image_name.h
lib_libmodel_a_SOURCES += lib/model/address_rules.c lib/model/address_rules.h
lib_libmodel_a_SOURCES += lib/model/trace.c lib/model/trace.h
lib_libmodel_a_SOURCES += lib/model/preload.c lib/model/preload.h
